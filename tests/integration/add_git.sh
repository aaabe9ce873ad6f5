#!/bin/bash
# users: ids userns bare
# equality: none, a kept .git has the commits and the address of this run
# ADD of git repositories: branch, tag, commit, directory, .git, submodules, checksums, the cache, and what goes wrong.
. "$(dirname "$0")/../support/lib.sh"
need git
export GIT_CONFIG_GLOBAL=$T/gitconfig
git config --global user.name t; git config --global user.email t@t
git config --global init.defaultBranch main; git config --global protocol.file.allow always
mkdir www; git init -q --bare www/r.git; git init -q work; git -C work remote add origin "$T/www/r.git"
commit() { git -C work add -A; git -C work commit -q -m "$1"; git -C work push -q --tags origin main; }
mkdir work/sub; echo one > work/file; echo inner > work/sub/in; printf '#!/bin/sh\n' > work/run; chmod 700 work/run; ln -s file work/link
commit one; git -C work tag -a -m v1 v1
echo two > work/file; commit two; two=$(git -C work rev-parse HEAD); git -C work push -q origin main:refs/heads/branch
echo three > work/file; commit three
python3 "$SUPPORT/web_server.py" www port log 2>server.err &
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
HOST=http://127.0.0.1:$(<port) R=http://127.0.0.1:$(<port)/git/r.git
from() { sed "s|@R@|$R|g; s|@HOST@|$HOST|g" | dockerfile; }

from <<D
FROM @TINY@
ADD @R@ /main
ADD @R@#v1 /tag
ADD @R@#branch:sub /sub/
ADD @R@?commit=${two:0:8} /short
ADD @R@#$two /commit
ADD --keep-git-dir --chown=12:34 --exclude=run @R@?tag=v1 /kept
ADD --checksum=$two @R@?branch=branch /checked
RUN cd / && cat main/file tag/file sub/in short/file commit/file checked/file > /all && stat -c '%a %u:%g %n' main/* kept/file > /stat
D
umask 077; build -o type=local,dest=out0 ctx; umask 022
same "$(tr '\n' ' ' < out0/all)" 'three one inner two two two '
same "$(tr '\n' ' ' < out0/stat)" '644 0:0 main/file 777 0:0 main/link 755 0:0 main/run 755 0:0 main/sub 644 12:34 kept/file '
[ ! -e out0/main/.git ] && [ -d out0/kept/.git ] && [ ! -e out0/kept/run ] || fail ".git, or what is left out"
same "$(git -C out0/kept describe)" v1

# Unchanged is CACHED, also with a checksum that it has; a commit by its name costs no question.
build ctx; same "$(cached)" 8
printf 'FROM %s\nADD @R@#%s /commit\n' "$TINY" "$two" | from; : > log; build ctx; [ ! -s log ] || fail "asked: $(<log)"
printf 'FROM %s\nADD @R@ /main\nRUN cat /proc/sys/kernel/random/uuid > /date\n' "$TINY" | from; build -o out1 ctx
printf 'FROM %s\nADD --checksum=%s @R@ /main\nRUN cat /proc/sys/kernel/random/uuid > /date\n' "$TINY" "$(git -C work rev-parse HEAD)" | from
build -o out2 ctx; cmp out1/date out2/date || fail "the checksum changed the key"
echo four > work/file; commit four
printf 'FROM %s\nADD @R@ /main\nRUN cat /proc/sys/kernel/random/uuid > /date\n' "$TINY" | from; build -o out3 ctx
same "$(<out3/main/file)" four; ! cmp -s out1/date out3/date || fail "CACHED, though it has changed"

# Submodules, also of an own address; from a web server that knows nothing of git; SHA-256.
git init -q --bare www/inner.git; git init -q inner; echo mod > inner/mod; git -C inner add .; git -C inner commit -q -m m
git -C inner push -q "$T/www/inner.git" main
git -C work -c protocol.file.allow=always submodule -q add "$T/www/inner.git" mod
git -C work config -f .gitmodules submodule.mod.url ../inner.git; commit mod
git clone -q --mirror work www/dumb.git; git -C www/dumb.git update-server-info
git init -q --object-format=sha256 s; echo sha256 > s/file; git -C s add .; git -C s commit -q -m s; git clone -q --bare s www/s.git
printf 'FROM scratch\nADD @R@ /a\nADD @R@?submodules=0 /b\nADD @HOST@/git/s.git /s\nADD @HOST@/dumb.git?submodules=0#v1 /d\n' | from
build -o out4 ctx
same "$(<out4/a/mod/mod)" mod; [ ! -e out4/a/mod/.git ] && [ ! -e out4/b/mod/mod ] || fail submodules
same "$(<out4/s/file)" sha256; same "$(<out4/d/file)" one
git -C work config -f .gitmodules submodule.mod.url "$T/www/inner.git"; commit local
printf 'FROM scratch\nADD @R@ /\n' | from; fails any lichen_build ctx; has err 'submodule'; has err "transport 'file' not allowed"

# What goes wrong says what, and leaves nothing.
for try in "@R@#nowhere|does not contain ref nowhere" "@R@#main:nowhere|does not contain the directory nowhere" \
    "--checksum=$two @R@#main|expected checksum to match" "--checksum=foobar @R@#main|invalid checksum" \
    "@R@#$(printf %040d 0)|does not contain commit|not our ref" "@HOST@/git/none.git|not found" "@HOST@/git-secret/r.git|terminal prompts disabled" \
    "http://127.0.0.1:1/x.git|127.0.0.1:1" "@R@#--upload-pack=x|invalid git ref"; do
    printf 'FROM scratch\nADD %s /\n' "${try%%|*}" | from
    fails any lichen_build ctx; has err 'Dockerfile:2'; has err "${try#*|}"; store_is_clean
done
# Without a git program; and one redirect is followed, but not with credentials.
printf 'FROM scratch\nADD @R@#v1 /\n' | from
if unshare -Urm true 2>/dev/null && [ "$(command -v git)" = /usr/bin/git ]; then
    fails 4 unshare -Urm sh -c 'mount --bind /dev/null /usr/bin/git && exec "$@"' - lichen build --tier=bare --no-cache ctx
    has err 'the program git'
fi
printf 'FROM scratch\nADD @HOST@/to/%%2fgit%%2fr.git#branch /\n' | from; build -o out7 ctx; same "$(<out7/file)" two
TOKEN=sesame fails any lichen_build --no-cache --secret id=GIT_AUTH_TOKEN,env=TOKEN ctx; has err '302'; has err 'follow no redirect'

# Credentials, in the URL and from secrets, are shown nowhere.
printf 'FROM scratch\nADD @HOST@/git-secret/r.git#v1 /\n' | from
TOKEN=sesame build --secret id=GIT_AUTH_TOKEN,env=TOKEN -o out5 ctx; same "$(<out5/file)" one; hasnt err sesame
printf 'FROM scratch\nADD http://tom:sesame@%s/git-secret/r.git#branch /\n' "${HOST#http://}" > ctx/Dockerfile
build -o out6 ctx; same "$(<out6/file)" two; hasnt err ' ADD .*sesame|^#[0-9]+ http.*sesame'
! grep -rq sesame "$LICHEN_ROOT/git" || fail "the store has credentials"
