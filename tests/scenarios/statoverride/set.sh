. /scenario/steps.sh
dpkg-statoverride --update --add root staff 2755 /usr/bin/find
dpkg-statoverride --update --add www-data adm 4750 /usr/bin/sort
dpkg-statoverride --add games mail 6711 /opt/later/program     # not there yet
mkdir -p /tmp/p/DEBIAN /tmp/p/opt/later; echo '#!/bin/sh' > /tmp/p/opt/later/program; chmod 755 /tmp/p/opt/later/program
printf 'Package: later\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n' > /tmp/p/DEBIAN/control
SOURCE_DATE_EPOCH=1700000000 dpkg-deb --root-owner-group -b /tmp/p /srv/later.deb; rm -r /tmp/p
note dpkg-statoverride --list
same "$(stat -c %U:%G:%a /usr/bin/sort)" www-data:adm:4750
settle
