#!/bin/bash
# users: ids userns bare
# Contexts behind http: an archive, a Dockerfile; named ones; what goes wrong there.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p www tree; echo hello >tree/greeting; printf 'FROM scratch\nCOPY . /\n' >tree/Dockerfile
printf 'FROM scratch\nCOPY greeting /second\n' >tree/Second
touch -d @1000000000 tree/greeting tree/Dockerfile tree/Second
tar -C tree -czf www/tree.tgz greeting Dockerfile Second; touch -d @1234567890 www/tree.tgz
printf 'FROM %s\nRUN echo made > /made\n' "$TINY" >www/plain
python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >server 2>&1 & server=$!
until port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server) && [ -n "$port" ]; do kill -0 $server; sleep 0.1; done
url=http://127.0.0.1:$port
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

build -o result "$url/tree.tgz"; same "$(<result/greeting)" hello
has err 'load remote build context'
build -f Second -o second "$url/tree.tgz"; same "$(<second/second)" hello
build -o plain "$url/plain"; same "$(<plain/made)" made
# Unchanged, it is asked for and not fetched again; changed, it is.
: >server; build -o result "$url/tree.tgz"; same "$(grep -c '"GET' server || true)" 0 "downloads"; same "$(cached)" 1
echo changed >tree/greeting; tar -C tree -czf www/tree.tgz greeting Dockerfile
build -o result "$url/tree.tgz"; same "$(<result/greeting)" changed; same "$(cached)" 0

# SOURCE_DATE_EPOCH=context is the time that the server says.
touch -d @1234567890 www/tree.tgz
printf 'FROM %s\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH > /epoch\n' "$TINY" >www/dated
touch -d @1234567890 www/dated
build --build-arg SOURCE_DATE_EPOCH=context -o dated "$url/dated"; same "$(<dated/epoch)" 1234567890
cp www/dated ctx/Dockerfile
build --build-arg SOURCE_DATE_EPOCH=context -o dated ctx; same "$(<dated/epoch)" ""

# A named one is a file; one that is not used is not asked for. A directory has an ignore file of its own.
mkdir named; echo 1 >named/kept; echo 2 >named/dropped; echo dropped >named/.dockerignore
printf 'FROM scratch\nCOPY --from=far . /far/\nCOPY --from=near . /near/\n' >ctx/Dockerfile
build --build-context "far=$url/tree.tgz" --build-context near=named --build-context "never=$url/none" -o result ctx
cmp result/far/context www/tree.tgz
same "$(ls result/near)" kept

fails 1 lichen_build "$url/none"; has err "$url/none"; has err 'HTTP 404|404'
fails 1 lichen_build --build-context "far=$url/none" --build-context near=named ctx; has err 'build-context far'
fails any lichen_build s3://bucket/key; has err 's3:// is not supported'
kill $server; wait $server || true
fails any lichen_build "$url/tree.tgz"; has err "127.0.0.1"
