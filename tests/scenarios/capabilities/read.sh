. /scenario/steps.sh
cd /srv/k
note getcap -r /srv/k; note getfattr -d raw admin
note su -s /bin/sh daemon -c '/srv/k/capsh --has-p=cap_net_raw && echo has'
mv raw raw3; cp -a admin admin2; : >> linked; chmod 4755 copied2; chown daemon raw2; echo y >> copied
note getcap -r /srv/k
list /srv/k
