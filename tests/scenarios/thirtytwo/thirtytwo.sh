. /scenario/steps.sh
perl /scenario/program.pl > /srv/program
chmod 755 /srv/program; touch /srv/file
/srv/program /srv/file
same "$(stat -c %u:%g /srv/file)" 12:34

# A real one: busybox, static.
dpkg --add-architecture i386
apt-get update -q || true  # a mirror of which parts are stale will do
apt-get install -q -y --no-install-recommends busybox-static:i386; rm -rf /var/lib/apt/lists/*
b() { /bin/busybox "$@"; }
same "$(od -An -tu1 -j4 -N1 /bin/busybox | tr -d ' ')" 1   # ELFCLASS32
cd /srv; mkdir 32; cd 32
b touch file; b chown 12:34 file; b chmod 4750 file; same "$(b stat -c %u:%g:%a file)" 12:34:4750
same "$(stat -c %u:%g:%a file)" 12:34:4750
b mkdir dir; b chown 1:2 dir; b chmod 2770 dir; b ln -s file link; b chown -h 5:6 link; b ln file hard; b mkfifo fifo
b mknod null c 1 3; b chown 7:8 null; same "$(b stat -c '%F %t:%T %u' null)" 'character special file 1:3 7'
echo text > large; b truncate -s 3000000000 large; same "$(b stat -c %s large)" 3000000000; b truncate -s 5 large; b mv large small
b cp -a file copy; b tar cf all.tar dir file link null; mkdir out; b tar xf all.tar -C out; rm all.tar
note b find . -user 12; note b id; note b setuidgid daemon /bin/busybox id; note b setuidgid daemon /bin/busybox cat /etc/shadow
same "$(b stat -c %u:%g out/dir)" 1:2; list /srv
settle
