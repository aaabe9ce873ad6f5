. /scenario/steps.sh
mkdir /srv/u1 /srv/u2 /srv/u3 /srv/u4
tar -C /srv/u1 -xf /srv/many.tar; tar -C /srv/u2 --no-same-owner -xf /srv/many.tar
tar -C /srv/u3 --numeric-owner -xpzf /srv/many.tgz; tar -C /srv/u4 --owner=www-data --group=mail --no-same-permissions -xf /srv/many.tar
cp -a /srv/many /srv/copied; cp -r /srv/many/d1 /srv/plain-copy; cp -a --no-preserve=ownership /srv/many/d2 /srv/no-owners
(cd /srv/many && tar -cf - .) | (mkdir /srv/piped && cd /srv/piped && tar -xpf -)
list /srv
(cd /srv/many && find . -printf '%U:%G %m %y %p %l\n' | sort) > /tmp/1
(cd /srv/u1/many && find . -printf '%U:%G %m %y %p %l\n' | sort) > /tmp/2
(cd /srv/copied && find . -printf '%U:%G %m %y %p %l\n' | sort) > /tmp/3
cmp /tmp/1 /tmp/2; cmp /tmp/1 /tmp/3; rm /tmp/[123]
settle
