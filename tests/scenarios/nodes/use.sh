. /scenario/steps.sh
cd /srv/n
note stat -c '%n %F %a %u:%g %t:%T' null disk disk2 zero bigger pipe fifo ../copied/disk ../unpacked/null
echo hello > null; same "$(cat null)" ''
same "$(head -c 4 zero | od -An -tx1 | tr -d ' ')" 00000000
(echo through > fifo &) ; same "$(cat fifo)" through
chmod 644 disk; chown 6:7 disk2; rm zero; mknod zero c 1 5; rm -f bigger; touch bigger; mv ../copied/null ../unpacked/other-null
note find /srv -type c; note find /srv -type b; note find /srv -type p
note ls -l --time-style=+ /srv/n
list /srv
settle
