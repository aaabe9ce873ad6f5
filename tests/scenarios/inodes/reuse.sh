. /scenario/steps.sh
mkdir /srv/i; cd /srv/i
i=0
while [ $i -lt 60 ]; do
    echo x > f; chown 200:201 f; chmod 4755 f; rm f; echo y > f$i                # a file after a file
    mkdir d; chown 202:203 d; rmdir d; mkdir d$i                                 # a folder after a folder
    mknod n c 1 3; chown 5:5 n; rm n; echo z > n$i                               # a file after a device
    ln -s x s; chown -h 204:205 s; rm s; ln -s y s$i                             # a link after a link
    mkfifo p; chown 206:207 p; rm p; mkfifo p$i
    i=$((i + 1))
done
same "$(find . ! -user root)" ''; same "$(find . -perm /7000)" ''; same "$(find . -type c)" ''
echo a > r1; chown 300:300 r1; echo b > r2; chown 301:301 r2; mv r2 r1; echo c > r2
same "$(stat -c %u r1 r2 | tr '\n' ' ')" '301 0 '
list /srv/i
settle
