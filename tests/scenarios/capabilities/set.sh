. /scenario/steps.sh
mkdir /srv/k; cd /srv/k
for f in raw admin written owned moved linked removed copied; do cp /bin/true $f; done
setcap cap_net_raw+ep raw; setcap cap_sys_admin,cap_chown=eip admin
for f in written owned moved linked removed copied; do setcap cap_net_bind_service+ep $f; done
echo x >> written; chown www-data owned; mv moved moved2; ln linked linked2; setcap -r removed
cp -a copied copied2; cp copied copied3; cp --preserve=all raw raw2; tar --xattrs --xattrs-include='*' -cf t.tar raw; mkdir u; tar -C u --xattrs --xattrs-include='*' -xf t.tar; rm t.tar
setfattr -n user.word -v value raw; setfattr -n user.empty -v '' admin; setfattr -n user.gone -v 1 owned; setfattr -x user.gone owned
note sh -c 'getcap -r /srv/k | sort'; note getfattr -d raw admin owned
note getfattr -d -m security -e hex raw admin
cp /sbin/capsh capsh; setcap cap_net_raw+ep capsh
note su -s /bin/sh daemon -c '/srv/k/capsh --has-p=cap_net_raw && echo has'
note su -s /bin/sh daemon -c '/sbin/capsh --has-p=cap_net_raw && echo has'
note su -s /bin/sh daemon -c 'setcap cap_net_raw+ep /srv/k/written'
note capsh --drop=cap_chown -- -c 'chown daemon /srv/k/written'
