. /scenario/steps.sh
perl /scenario/program.pl > /srv/program
chmod 755 /srv/program; touch /srv/file
/srv/program /srv/file
same "$(stat -c %u:%g /srv/file)" 12:34
