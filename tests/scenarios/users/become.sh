. /scenario/steps.sh
note su ann -c 'id; whoami; echo $HOME; groups'
note su - ann -c 'pwd; umask 077; mkdir -p ~/a/b; echo x > ~/a/b/file; ln ~/a/b/file ~/a/second; ln -s /nowhere ~/a/dangling'
note su ann -c 'touch /etc/forbidden; mkdir /usr/forbidden; rm -f /etc/passwd; echo x >> /etc/passwd; mv /etc/group /etc/grp'
note su ann -c 'chown root ~/before; chown svc ~/before; chmod 4755 ~/before; chgrp staff ~/before; chgrp video ~/before'
note su ann -c 'cat /etc/shadow; ls /root'
note su ann -c 'touch /tmp/hers; chmod 600 /tmp/hers'
note su svc -c 'rm -f /tmp/hers; cat /tmp/hers; echo x > /tmp/hers; mv /tmp/hers /tmp/his'     # sticky, and not his
note su -s /bin/sh www-data -c 'id; touch /var/www-forbidden'
note su -s /bin/sh -g mail -G staff www-data -c 'id -G'
note setpriv --reuid=2100 --regid=3000 --clear-groups id
note setpriv --reuid=2100 --regid=3000 --init-groups --inh-caps=-all id
note perl -e '$) = "3000 3000"; $> = 2100; print "$< $> $( $)\n"; open(F, ">/tmp/by-perl") or die; close F; $> = 0; print "$>\n"; open(F, ">/tmp/by-root") or die;'
same "$(stat -c %U:%G:%a /home/ann/a/b/file)" ann:crew:600
same "$(stat -c %U /tmp/by-perl)" ann
[ ! -e /etc/forbidden ]
list /home /tmp
settle
