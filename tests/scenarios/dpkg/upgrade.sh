. /scenario/steps.sh
dpkg -i /srv/debs/server_2_all.deb
note cat /etc/server/main.conf /etc/server/other.conf; note cat /var/lib/watched; note server
same "$(stat -c %G:%a /usr/bin/server)" mail:2755
list /usr/bin/server /usr/bin/server-link /var/lib/server /usr/share/watched
dpkg -r watcher server; list /etc/server /var/lib/server
dpkg -i /srv/debs/server_1_all.deb; dpkg -P watcher 2>&1 || true; dpkg -P server
[ ! -e /var/lib/server ]; refused getent passwd serv; note stat -c '%n %F' /usr/bin/env; refused test -e /usr/bin/env.real
rm -f /var/log/dpkg.log /var/log/alternatives.log /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
settle
