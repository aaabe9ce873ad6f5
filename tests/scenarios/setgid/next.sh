. /scenario/steps.sh
cd /srv/g
touch shared/a/b/c/later; mkdir shared/a/later; mv shared/d/x shared/moved; mkdir away; mv shared/a away/; touch away/a/f
chmod 755 shared/private; chmod 00755 shared/a 2>/dev/null || true; chown 7 shared/id
list /srv/g
settle
