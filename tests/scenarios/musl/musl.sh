. /scenario/steps.sh
mkdir /srv/m; cd /srv/m
musl-gcc -O1 -o dynamic /scenario/program.c; musl-gcc -static -O1 -o static /scenario/program.c; gcc -O1 -o glibc /scenario/program.c
gcc -static -O1 -o glibc-static /scenario/program.c; gcc -static-pie -O1 -o static-pie /scenario/program.c; gcc -no-pie -O1 -o no-pie /scenario/program.c
for program in dynamic static glibc glibc-static static-pie no-pie; do note ./$program; note ./$program again; note /srv/m/$program; done
printf '#!/srv/m/dynamic an argument\n' > script; chmod 755 script; note ./script and more
note su -s /bin/sh daemon -c './dynamic again'
for loader in /lib/ld-musl-*.so.1; do note $loader ./dynamic; done
list /srv/m
