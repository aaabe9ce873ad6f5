. /scenario/steps.sh
cd /srv/k
note sh -c 'getcap -r /srv/k | sort'; note getfattr -d raw admin
note su -s /bin/sh daemon -c '/srv/k/capsh --has-p=cap_net_raw && echo has'
mv raw raw3; cp -a admin admin2; chmod 4755 copied2; chown daemon raw2; echo y >> copied
note sh -c 'getcap -r /srv/k | sort'
list /srv/k
