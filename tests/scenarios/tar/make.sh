. /scenario/steps.sh
mkdir -p /srv/many; cd /srv/many
i=0
while [ $i -lt 120 ]; do
    mkdir -p d$((i % 7)); echo $i > d$((i % 7))/f$i; chown $((i * 500)):$((60000 - i * 450)) d$((i % 7))/f$i; chmod $((4000 * (i % 2)))  d$((i % 7))/f$i
    chmod u+rw d$((i % 7))/f$i; i=$((i + 1))
done
for n in 0 1 2 3 4 5 6; do chown $n:$((n + 10)) d$n; done; chmod 2775 d1; chmod 1777 d2; chmod 700 d3
ln d0/f0 d0/again; ln -s d0 link; chown -h 5:6 link; mkfifo pipe; chown 9:9 pipe
chmod 4711 d0/f7; chmod 000 d0/f14
list /srv/many
settle
tar -C /srv --sort=name -cf /srv/many.tar many
tar -C /srv --sort=name --numeric-owner -czf /srv/many.tgz many
tar -tvf /srv/many.tar | sed 's/[0-9]*-[0-9][0-9]-[0-9][0-9] [0-9:]*//' >> /evidence
settle
