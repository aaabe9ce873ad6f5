#!/bin/bash
# users: ids userns bare
# equality: none, a kept .git has the commits and the address of this run
# A git repository as the context, and as a named one.
. "$(dirname "$0")/../support/lib.sh"
need git
export GIT_CONFIG_GLOBAL=$T/gitconfig
git config --global user.name t; git config --global user.email t@t
git config --global init.defaultBranch main
mkdir www; git init -q --bare www/r.git; git init -q work; git -C work remote add origin "$T/www/r.git"
commit() { git -C work add -A; GIT_COMMITTER_DATE="@$2 +0000" git -C work commit -q -m "$1"; git -C work push -q --tags origin main; }
mkdir work/sub
printf 'FROM scratch\nCOPY . /\n' >work/Dockerfile; printf 'FROM scratch\nCOPY in /inner\n' >work/sub/Dockerfile
echo one >work/file; echo inner >work/sub/in; ln -s /etc/passwd work/sub/link; commit one 1000000000; git -C work tag v1
echo two >work/file; commit two 1100000000
python3 "$SUPPORT/web_server.py" www port log 2>server.err & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
R=http://127.0.0.1:$(<port)/git/r.git

build -o main "$R"; same "$(<main/file)" two; has err 'load git source'; [ ! -e main/.git ] || fail ".git is there"
build -o tag "$R#v1"; same "$(<tag/file)" one
build -o sub "$R#v1:sub"; same "$(<sub/inner)" inner
build -o query "$R?ref=v1&subdir=sub"; same "$(<query/inner)" inner
build -o kept --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$R#v1"; [ -d kept/.git ] || fail "no .git"
build -o main "$R"; same "$(cached)" 1
printf 'FROM %s\nARG SOURCE_DATE_EPOCH\nCOPY --from=src file /\nRUN echo $SOURCE_DATE_EPOCH > /epoch\n' "$TINY" >work/Named; commit three 1200000000
build -f Named --build-context "src=$R#v1" --build-arg SOURCE_DATE_EPOCH=context -o named "$R"
same "$(<named/file)" one; same "$(<named/epoch)" 1200000000

# What the URL says of a user is for the server alone.
build -o user "${R/http:\/\//http://me:tell-nobody@}#v1"; same "$(<user/file)" one; hasnt err tell-nobody
fails any lichen_build "$R#nowhere"; has err nowhere
fails any lichen_build "$R#main:none"; has err none
fails any lichen_build -f sub/link "$R"; has err 'no such file'
[ -z "$(ls "$LICHEN_ROOT/tmp")" ] || fail "left behind: $(ls "$LICHEN_ROOT/tmp")"
kill $server; wait $server 2>/dev/null || true
fails any lichen_build "$R"
