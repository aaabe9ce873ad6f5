#!/bin/bash
# users: ids userns bare
# ADD of http(s) URLs: names, modes, times, --unpack, --checksum, the cache, credentials, and what goes wrong.
. "$(dirname "$0")/../support/lib.sh"
mkdir www in; echo one > www/a.txt; chmod 755 www/a.txt; touch -d @1600000000 www/a.txt; echo two > 'www/b c.txt'
echo packed > in/packed; tar --owner=1001 --group=1002 -C in -cf - . | gzip -n > www/p.tar.gz
python3 "$SUPPORT/web_server.py" www port log 2>server.err &
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
URL=http://127.0.0.1:$(<port)
from() { sed "s|@URL@|$URL|g" | dockerfile; }
tree() { tar -tvf all.tar --numeric-owner --full-time | awk '{print $1, $2, $4, $6}' | sed 's| \./| |' | grep -E "$1"; }

from <<'D'
FROM @TINY@
ADD @URL@/p.tar.gz /packed/
ADD --unpack @URL@/p.tar.gz /un/
ADD @URL@/a.txt /x/
ADD @URL@/a.txt @URL@/b%20c.txt /y/
ADD --chown=12:34 --chmod=755 @URL@/a.txt?query=1#f /named
ADD @URL@/bare/a.txt /bare
ADD @URL@/named/a.txt /z/
ADD @URL@/to/%2fa.txt /redirected
RUN cat /x/a.txt "/y/b c.txt" /un/packed > /all && stat -c '%a %u:%g' /x/a.txt > /stat
D
build -o type=tar,dest=all.tar ctx
python3 - <<'P'
import tarfile
tar = tarfile.open("all.tar")
files = {m.name.removeprefix("./"): m for m in tar}
def about(name): m = files[name]; return m.uid, m.gid, m.mode, m.mtime
assert about("x/a.txt") == (0, 0, 0o600, 1600000000), about("x/a.txt")
assert about("named") == (12, 34, 0o755, 1600000000), about("named")
assert about("bare") == (0, 0, 0o600, 0), about("bare")
assert about("un/packed")[:2] == (1001, 1002) and files["packed/p.tar.gz"].isreg()
assert {"y/a.txt", "y/b c.txt", "z/a.txt", "redirected"} <= files.keys(), files.keys()
assert tar.extractfile(files["all"]).read() == b"one\ntwo\npacked\n"
assert tar.extractfile(files["stat"]).read() == b"600 0:0\n"
P

# Unchanged is CACHED, and nothing but HEAD is asked of who names what it sends; what has changed is built again.
: > log
build -o type=tar,dest=all.tar ctx
same "$(cached)" 9
hasnt log 'GET /(a|b%20c|p|named/a)\.'; has log 'HEAD /a.txt'; has log 'GET /bare/a.txt'
touch -d @1650000000 www/a.txt
build ctx; same "$(cached)" 9
echo changed > www/a.txt
build -o out0 ctx
same "$(cached)" 2 "what is CACHED, the archives"; same "$(<out0/x/a.txt)" changed
build --no-cache ctx; same "$(cached)" 0

# With a checksum nobody is asked again; a wrong one, or half an answer, fails and leaves nothing.
sum=$(sha256sum < www/a.txt | cut -d' ' -f1)
printf 'FROM %s\nARG SUM\nADD --checksum=sha256:$SUM @URL@/a.txt /c/\nRUN cat /c/a.txt\n' "$TINY" | from
build --build-arg SUM="$sum" ctx; has err changed
: > log; build --build-arg SUM="$sum" ctx; [ ! -s log ] || fail "asked: $(<log)"
fails any lichen_build --build-arg SUM="$(printf %064d 0)" ctx; has err 'digest mismatch'; has err 'Dockerfile:3'
for try in 'missing.txt 404' 'short/p.tar.gz .' 'secret/a.txt 401' 'loop redirect' "to/file%3a%2f%2f%2fetc%2fpasswd ." \
    'to/http%3a%2f%2f127.0.0.1%3a1 .'; do
    printf 'FROM scratch\nADD @URL@/%s /\n' "${try% *}" | from
    fails any lichen_build ctx; has err 'Dockerfile:2'; has err "${try#* }"; store_is_clean
done
printf 'FROM scratch\nADD http://127.0.0.1:1/x /\n' | from; fails any lichen_build ctx; has err '127\.0\.0\.1:1'
# A name that would lead elsewhere is none.
printf 'FROM scratch\nADD @URL@/any/%%2e%%2e /1/\nADD @URL@/any/x%%00y /2/\nADD @URL@/any/..%%2f..%%2fevil /3/\n' | from; build -o out3 ctx
same "$(cd out3; echo */*)" '1/__unnamed__ 2/__unnamed__ 3/evil'

# Credentials: of the URL, and from secrets. They are shown nowhere.
printf 'FROM scratch\nADD http://tom:sesame@%s/secret/a.txt /\n' "${URL#http://}" > ctx/Dockerfile
build --no-cache -o out1 ctx; same "$(<out1/a.txt)" changed; hasnt err ' ADD .*sesame|^#[0-9]+ http.*sesame'
printf 'FROM scratch\nADD @URL@/secret/a.txt /\n' | from
TOKEN=sesame build --no-cache --secret id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN -o out2 ctx; hasnt err sesame
TOKEN=wrong fails any lichen_build --no-cache --secret id=HTTP_AUTH_TOKEN_127.0.0.1,env=TOKEN ctx; has err 401

# Ctrl-C in the middle of a download.
head -c 9000000 /dev/zero > www/big; printf 'FROM scratch\nADD @URL@/stall/big /\n' | from
in_background lichen build --tier="$TIER" --progress=plain ctx
for _ in $(seq 100); do [ -e port.stalled ] && break; sleep 0.1; done
kill -INT "$background"; status=0; wait "$background" || status=$?
same $status 130 "exit status"
