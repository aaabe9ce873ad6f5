. /scenario/steps.sh
mkdir /srv/g; cd /srv/g
mkdir -m 2775 shared; chgrp staff shared; mkdir -m 3777 open; chgrp staff open
cd shared; touch f; mkdir d; mkdir -p a/b/c; ln -s f l; mkfifo p; mknod n c 1 3; cp /etc/debian_version h
mkdir -m 700 private; install -m 644 f i; install -d id; install -d -g mail im; cp -a /srv/g/open copied; mktemp -d ./tXXXXXX > name; mv "$(cat name)" t; rm name
same "$(stat -c %G:%a d)" staff:2755; same "$(stat -c %G a/b/c)" staff
chgrp 1234 d; touch d/x; chmod g-s d; touch d/y; mkdir d/z
su -s /bin/sh daemon -c 'touch /srv/g/open/by-daemon; mkdir /srv/g/open/dir-by-daemon'
mkdir /var/local/made; touch /var/mail/made
list /srv/g /var/local /var/mail
settle
