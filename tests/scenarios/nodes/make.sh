. /scenario/steps.sh
mkdir /srv/n; cd /srv/n
mknod -m 666 null c 1 3; mknod -m 640 disk b 8 17; mknod zero c 1 5; mknod -m 600 big c 250 300; mknod pipe p; mkfifo -m 622 fifo
chown root:disk disk; chown 33:33 fifo; chmod 4666 zero; chmod 666 zero
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or die; bind(S, sockaddr_un("/srv/n/socket")) or die'
chmod 770 socket; chown 3:4 socket
perl -e 'umask 0; require "syscall.ph" if 0; exit 0'
cp -a . ../copied; tar -cf ../n.tar --exclude=socket .; mkdir ../unpacked; tar -C ../unpacked -xf ../n.tar; rm ../n.tar
ln disk disk2; mv big bigger
note stat -c '%n %F %a %u:%g %t:%T' null disk disk2 zero bigger pipe fifo socket ../copied/disk ../unpacked/null
test -c null; test -b disk; test -p fifo; test -S socket
refused mknod null c 1 3
list /srv
settle
