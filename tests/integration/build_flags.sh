#!/bin/bash
# users: ids userns bare
# --annotation in manifests, indexes and what names them; a Dockerfile behind a URL; RUN --security=insecure; --ulimit of lichen run.
. "$(dirname "$0")/../support/lib.sh"
need jq
# document DIR [FLAG...] FILTER DIGEST: of the document that index.json names there.
document() {
    local directory=$1 digest=${*: -1}
    shift; set -- "${@:1:$#-1}"
    jq "$@" "$directory/blobs/sha256/$(jq -r "$digest" "$directory/index.json" | cut -d: -f2)"
}
printf 'FROM scratch\nCOPY f /\n' >ctx/Dockerfile; echo text >ctx/f
build --annotation a=1 --annotation manifest,manifest-descriptor:b.C=2=3 -o type=oci,dest=one,tar=false,annotation.d=4 ctx
same "$(document one -c .annotations '.manifests[0].digest')" '{"a":"1","b.C":"2=3","d":"4"}'
same "$(jq -c '.manifests[0].annotations' one/index.json)" '{"b.C":"2=3"}'
build --platform linux/amd64,linux/arm64 --annotation index,index-descriptor:a=1 --annotation manifest:b=2 \
    --annotation 'manifest[linux/arm64],manifest-descriptor[linux/arm64]:b=3' -o type=oci,dest=two,tar=false ctx
same "$(jq -c '.manifests[0].annotations' two/index.json)" '{"a":"1"}'
same "$(document two -c '[.annotations, .manifests[0].annotations, .manifests[1].annotations]' '.manifests[0].digest')" '[{"a":"1"},null,{"b":"3"}]'
arm=$(document two -r '.manifests[1].digest[7:]' '.manifests[0].digest'); same "$(jq -c .annotations "two/blobs/sha256/$arm")" '{"b":"3"}'
fails 4 lichen_build --annotation index:a=1 ctx; has err 'index annotations not supported for single platform'

# The Dockerfile of another place, with this context and its ignore file.
mkdir www; printf 'FROM scratch\nCOPY . /there/\n' >www/other; echo Dockerfile >ctx/.dockerignore
python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >server 2>&1 & server=$!
until port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server) && [ -n "$port" ]; do kill -0 $server; sleep 0.1; done
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
build -f "http://127.0.0.1:$port/other" -o there ctx; same "$(ls there/there)" f; has err "load http://127.0.0.1:$port/other"
ok lichen build --call=targets -f "http://127.0.0.1:$port/other" ctx
fails 1 lichen_build -f "http://127.0.0.1:$port/none" ctx; has err 'HTTP 404|404'
kill $server; wait $server || true

printf 'FROM %s\nRUN --security=insecure true\n' "$TINY" >ctx/Dockerfile
fails 3 lichen_build ctx; has err 'security.insecure is not allowed'
if [ "$TIER" = bare ]; then
    fails 4 lichen_build --allow security.insecure ctx; has err 'tier bare has no capabilities to give'
fi
printf 'FROM %s\n' "$TINY" >ctx/Dockerfile; build -t limited ctx
ok run --ulimit nofile=64:65 limited sh -c 'ulimit -S -n; ulimit -H -n'; same "$(<out)" $'64\n65'
fails 125 run --ulimit nofile=64:-1 limited true; has err 'nofile=64:-1: the hard limit'
