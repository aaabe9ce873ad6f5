. /scenario/steps.sh
# The files of a lower layer: replaced, moved and removed.
tar -C /srv/u1 -xf /srv/many.tar
rm -r /srv/u2/many/d1; mv /srv/u3/many/d2 /srv/u3/moved; cp -a /srv/u3/many/d4 /srv/u2/d4; rm /srv/many.tgz
tar -C /srv --sort=name -cf - u3 | tar -tvf - | sed 's/[0-9]*-[0-9][0-9]-[0-9][0-9] [0-9:]*//' >> /evidence
list /srv
settle
