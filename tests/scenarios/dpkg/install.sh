. /scenario/steps.sh
refused dpkg -i /srv/debs/watcher_1_all.deb
dpkg -i /srv/debs/server_1_all.deb; dpkg --configure -a
same "$(stat -c %U:%G:%a /var/lib/server)" serv:mail:2750; same "$(stat -c %G:%a /usr/bin/server)" mail:2755
echo local >> /etc/server/other.conf
note /usr/bin/env true; note readlink /etc/alternatives/serve; note dpkg --verify; note dpkg -s watcher; note dpkg-divert --list server
list /usr/bin/server /usr/bin/server-link /usr/bin/server-soft /usr/bin/env /usr/bin/env.real /var/lib/server /etc/server
chage -d 19000 serv; rm -f /var/log/dpkg.log /var/log/alternatives.log /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
settle
