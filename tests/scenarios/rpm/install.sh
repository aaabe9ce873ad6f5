. /scenario/steps.sh
dnf -q -y --disablerepo='*' --repofrompath=local,file:///srv/repo --nogpgcheck --setopt=reposdir=/dev/null install tool
same "$(stat -c %U:%G:%a /var/lib/server)" served:served:3770; same "$(stat -c %U:%G:%a /usr/bin/setuid-tool)" games:games:4711
note rpm -qa; note rpm -V server tool; note getcap /usr/bin/server-raw
list /etc/server /var/lib/server /usr/bin/server /usr/bin/server-raw /usr/bin/server-link /usr/bin/setuid-tool
