. /scenario/steps.sh
mkdir -p /srv/h/d; cd /srv/h
for f in written appended linked renamed removed metadata truncated timed swapped kept; do echo $f > $f; ln $f d/$f.2; done
echo three > t1; ln t1 t2; ln t1 d/t3; chown 33:4 t1; chmod 751 t1; cp /bin/true /srv/setuid-written; chmod 4755 /srv/setuid-written
ln -s written s1; ln -P s1 s2; chown -h 7:8 s1
echo alone > alone; cp -l alone alone2; cp -al d copy
list /srv/h
settle
