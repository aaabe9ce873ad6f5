#!/bin/bash
# users: ids userns bare
# COPY --link and ADD --link: a layer that depends on nothing below it. It is not made again for another base, nor after an
# earlier step has changed; links of the base are not followed, and what is there makes way.
. "$(dirname "$0")/../support/lib.sh"
layers() { # FILE: digests of its layers, bottom first
    tar -xOf "$1" "blobs/sha256/$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest[7:]')" | jq -r '.layers[].digest'
}
cached_steps() { awk '$2 ~ /^\[/ { name[$1] = $0 } $2 == "CACHED" { print name[$1] }' "$T/err"; }
is_cached() { cached_steps | grep -qF -- "$1" || fail "$1 was not CACHED"; }
mkdir -p ctx/dir/sub; echo one > ctx/dir/sub/f; ln ctx/dir/sub/f ctx/dir/sub/g; echo x > ctx/dir/x.o; echo a > ctx/a
tar -C ctx -cf ctx/archive.tar --owner=5 --group=6 dir

# The same layer on two bases, and nothing copied for the second.
linked='COPY --link --chown=7:8 --exclude=*.o dir /opt/app/\nADD --link archive.tar /opt/\nCOPY --link --parents dir/./sub/f /p/\nCOPY --link <<E /text\nhere\nE\n'
printf "FROM $TINY\n$linked" > ctx/first
printf "FROM $TINY\nRUN mkdir -p /opt/app && echo base > /opt/app/base && echo old > /text && chown -R 9:9 /opt /text\n$linked" > ctx/second
build -f ctx/first -o type=oci,dest=first.tar ctx
build -f ctx/second -o type=oci,dest=second.tar ctx
same "$(layers first.tar | tail -n 4)" "$(layers second.tar | tail -n 4)" "linked layers of two bases"
same "$(layers second.tar | wc -l)" "$(($(layers first.tar | wc -l) + 1))"
for step in '] COPY --link --chown' '] ADD --link' '] COPY --link --parents' '] COPY --link <<E'; do is_cached "$step"; done
cat > ctx/look <<'LOOK'
ls -ldn / /opt /opt/app /opt/app/sub /opt/dir/x.o /p /p/sub /text | awk '{ print $1, $3, $4, $9 }'
ls -n /opt/app/sub | awk 'NF > 2 { print $1, $2, $3, $4, $9 }'
cat /opt/app/base /text /p/sub/f 2>&1; [ ! -e /opt/app/x.o ]
LOOK
{ cat ctx/second; printf 'RUN --mount=source=look,target=/look sh /look > /seen\n'; } > ctx/third
build -f ctx/third -o third ctx
cat > want <<'WANT'
drwxr-xr-x 0 0 /
drwxr-xr-x 0 0 /opt
drwxr-xr-x 7 8 /opt/app
drwxr-xr-x 7 8 /opt/app/sub
-rw-r--r-- 5 6 /opt/dir/x.o
drwxr-xr-x 0 0 /p
drwxr-xr-x 0 0 /p/sub
-rw-r--r-- 0 0 /text
-rw-r--r-- 1 7 8 f
-rw-r--r-- 1 7 8 g
base
here
one
WANT
diff want third/seen || fail "the merged tree is another"

# An earlier step that changes, and one more on top of it.
dockerfile <<'D'
FROM @TINY@
ARG N
RUN echo $N > /n && echo step-ran
COPY --link a /data/a
RUN cat /n /data/a > /both && echo later-ran && rm /data/a
COPY --link a /data/a
D
build --build-arg N=1 -o type=oci,dest=n1.tar ctx
build --build-arg N=2 -o type=oci,dest=n2.tar ctx
has err '[0-9] step-ran'; has err '[0-9] later-ran'; is_cached '] COPY --link a /data/a'
same "$(layers n1.tar | tail -n 1)" "$(layers n2.tar | tail -n 1)"
same "$(layers n1.tar | sort | uniq -d)" "$(layers n1.tar | tail -n 1)" "the layer that is there twice"
build --build-arg N=2 -o n2 ctx; hasnt err '[0-9] (step|later)-ran$'
same "$(cat n2/both n2/data/a | tr '\n' ' ')" '2 a a '

# Links of the base are not followed; a file makes way for a directory, and a directory for a file.
dockerfile <<'D'
FROM @TINY@
RUN mkdir /real /gone && ln -s real /link && ln -s /real /abs && echo f > /file && echo x > /gone/x && chown 3:4 /gone/x /file && mkdir -m 1777 /odd
COPY a /link/plain
COPY --link a /link/linked
COPY --link a /abs
COPY --link a /file/below
COPY --link a /gone
COPY --link a /odd/a
RUN echo again > /link/again && echo more >> /gone && echo $(ls /link) : $(ls /real) : $(cat /abs) : $(cat /file/below) : $(cat /gone) : $(stat -c %a /odd) > /seen
D
build -t linked:1 ctx
build -o linked ctx
same "$(<linked/seen)" 'again linked : plain : a : a : a more : 755'
[ -d linked/link ] && [ ! -L linked/link ] && [ -f linked/abs ] && [ ! -L linked/abs ] || fail "a link of the base was followed"
lichen run --tier="$TIER" linked:1 stat -c '%u:%g' /gone /file /file/below > owners
same "$(tr '\n' ' ' < owners)" '0:0 0:0 0:0 ' "owners of what replaced others'"

# The image stands for itself: a base again, out of the store and by its layers alone.
printf 'FROM linked:1\nRUN cat /link/linked /link/again > /two\n' > ctx/on
build -t on:1 -f ctx/on ctx
build -f ctx/on -o on ctx; same "$(tr '\n' ' ' < on/two)" 'a again '
build -o type=oci,dest=layout,tar=false ctx
printf 'FROM base\nRUN cat /link/linked /file/below > /two && [ ! -e /link/plain ]\n' > ctx/unpacked
LICHEN_ROOT=$T/other build --build-context "base=oci-layout://$T/layout" -f ctx/unpacked -o unpacked ctx
same "$(tr '\n' ' ' < unpacked/two)" 'a a '

# --chmod makes it a plain copy; names of owners are the base's.
printf "FROM $TINY\nRUN mkdir /real && ln -s real /link\nCOPY --link --chmod=640 a /link/a\nRUN [ \$(stat -c %%a /real/a) = 640 ]\n" > ctx/chmod
build -f ctx/chmod ctx
printf "FROM $TINY\nCOPY --link --chown=nobody a /a\n" > ctx/named
fails 1 lichen_build -f ctx/named ctx; has err 'named:2'; has err '--chown=UID:GID'
