. /scenario/steps.sh
dpkg -i /srv/later.deb
same "$(stat -c %U:%G:%a /opt/later/program)" games:mail:6711
dpkg-statoverride --remove /usr/bin/sort; refused dpkg-statoverride --add root root 755 /usr/bin/find
dpkg --verify later coreutils findutils
note dpkg-statoverride --list
list /opt /usr/bin/find /usr/bin/sort
rm -f /var/log/dpkg.log
settle
