. /scenario/steps.sh
mkdir /srv/o; cd /srv/o
echo text > plain
install -o www-data -g adm -m 6751 plain installed
install -d -o daemon -g games -m 3770 dir dir/sub
install -D -o 1234 -g 5678 plain deep/er/file
touch a b c d; ln -s a link; ln -s nowhere dangling; ln c c2
chown 1000:1000 a b; chown --from=1000 2000 a; chown --from=2000:1000 :2001 a; chown --from=7:7 8:8 b
chown -h 33:4 link; chown -h 65534:65533 dangling; chown 40 c2
chown 60000:60001 d; chown 0:0 d; chown 65534 d
chmod 4755 b; chown 1:1 b                        # takes setuid away
chmod 2745 c; chown :12 c
mkdir -p tree/x/y; touch tree/x/y/f; ln -s ../.. tree/x/up; chown -R 100:200 tree; chown -R --from=100 101 tree/x
chgrp -R nogroup tree/x/y; chown --reference=installed tree/x/y/f
cp -p installed copied; cp plain not-copied; cp -a tree tree2; mv b moved
list /srv/o
same "$(stat -c %a:%u:%g moved)" 755:1:1
settle
