. /scenario/steps.sh
cd /srv/i
rm f1? d1? -r; chown 9:9 f20 d20 n20; rm f20 n20; touch f10 n20 new1 new2; mkdir d10 d11; rm -r d20; mkdir d20
mv r1 r3; touch r1; cp -a r3 r4; rm r3; touch r3
same "$(find . ! -user root | tr '\n' ' ')" './r4 '
list /srv/i
settle
