. /scenario/steps.sh
export PATH=/srv/bb
b=/bin/busybox
$b mkdir -p /srv/bb /srv/x; $b --install -s /srv/bb; rm /srv/bb/find /srv/bb/sort 2>/dev/null; cp /usr/bin/find /usr/bin/sort /srv/bb/
cd /srv/x
touch a b; chown 33:34 a; chmod 6755 a; ln a c; ln -s b l; mkfifo p; mknod n c 1 3; cp b i; chown 5:6 i; chmod 2750 i; cp -a a copied
tar -cf t.tar a l p n; mkdir u; tar -C u -xf t.tar; rm t.tar
echo bob:x:1500:1501::/home/bob:/bin/sh >> /etc/passwd; echo crew:x:1501:bob >> /etc/group
mkdir /home/bob; chown bob:crew b /home/bob
same "$(stat -c %u:%g:%a a)" 33:34:6755
note su bob -c 'id; touch ~/x; touch /etc/no'
note stat -c '%n %u %g %a' a b c i copied u/a; note id; note busybox id; note sh -c "ls -ln a b | cut -c 1-44"; note readlink /proc/self/exe
echo x | xargs busybox echo >> /evidence
i=0; while [ $i -lt 60 ]; do (busybox true | cat | busybox cat); i=$((i + 1)); done
list /srv/x /home
