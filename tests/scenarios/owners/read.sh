. /scenario/steps.sh
cd /srv/o
list /srv/o
note find . -user www-data; note find . -uid 2000; note find . -group nogroup; note find . -nouser; note find . -nogroup
note find . -perm -4000; note find . -perm /2000; note find . ! -user root -type d
note stat -c '%n %A %u %g %U %G %F' installed link dangling dir dir/sub a copied
note test -O plain; note test -O installed; note test -G installed
note perl -e 'for (qw(installed link a)) { my @s = lstat; printf "%s %o %d %d\n", $_, @s[2,4,5] }'
chown -R root:root tree2; chown -h www-data link; chown 3:3 moved; rm installed; echo new > a
list /srv/o
settle
