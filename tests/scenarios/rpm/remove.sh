. /scenario/steps.sh
note rpm -V server tool
chown root /var/lib/server/data/state; note rpm -V server; rpm --restore server; note rpm -V server
dnf -q -y --disablerepo='*' remove tool; rpm -e server; note rpm -qa; note ls -R /var/lib/server /srv/dev
