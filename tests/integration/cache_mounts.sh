#!/bin/bash
# users: ids userns bare
# cost: 10
# equality: none, it looks at what no image has
# Cache mounts: listed, exported, imported and removed; bounded; shared, private and locked between processes.
. "$(dirname "$0")/../support/lib.sh"
mounts() { ok lichen cache-mount "$@" --tier="$TIER"; }
step() { printf 'FROM %s\nARG N\nRUN --mount=type=cache,%s %s\n' "$TINY" "$1" "$2" > ctx/Dockerfile; n=$((${n:-0} + 1)); build --build-arg N=$n ctx; }
size_of() { lichen cache-mount ls --json --tier="$TIER" | jq "[.[] | select(.name == \"$1\").bytes] | add // 0"; }

mounts ls; same "$(wc -l < out)" 1
step target=/c 'mkdir -p /c/dir; echo kept > /c/dir/file; chown 5:6 /c/dir/file; chmod 640 /c/dir/file; ln -s file /c/dir/link; chmod 2775 /c/dir; : $N'
mounts ls; has out '^[0-9a-f]{12} +'"$TIER"' .* /c$'
ok lichen du -v --tier="$TIER"; has out ' cache mount .* /c$'
lichen cache-mount export /c --tier="$TIER" > plain.tar
same "$(tar --numeric-owner -tvf plain.tar | awk '$NF == "dir/file" || $6 == "./dir/file" { print $1, $2 }')" "-rw-r----- 5/6"
same "$(tar -tvf plain.tar | grep -c 'link -> file')" 1
# To another store.
LICHEN_ROOT=$T/other; mounts import /c plain.tar; step target=/c 'stat -c %a:%u:%g /c/dir/file /c/dir; readlink /c/dir/link; cat /c/dir/file; : $N'
has err ' 640:5:6$'; has err ' 2775:0:0$'; has err ' file$'; has err ' kept$'
mounts export /c -o again.tar; same "$(tar --numeric-owner -tvf again.tar | sort)" "$(tar --numeric-owner -tvf plain.tar | sort)" archives
store_is_clean; LICHEN_ROOT=$T/root
# Through a pipe, compressed, by its own id.
id=$(lichen cache-mount ls --json --tier="$TIER" | jq -r '.[0].id')
mounts rm "${id:0:8}"; has out '^Total reclaimed space: [1-9]'; mounts ls; same "$(wc -l < out)" 1
gzip < plain.tar | lichen cache-mount import /c --tier="$TIER"; step target=/c 'cat /c/dir/file; : $N'; has err ' kept$'
# What cannot be unpacked changes nothing.
printf 'no tar at all, but longer than a header is %0600d' 1 > bad.tar
fails any lichen cache-mount import /c bad.tar --tier="$TIER"
head -c 700 plain.tar > cut.tar; fails any lichen cache-mount import /c cut.tar --tier="$TIER"
# Nor does nothing, which a program that failed wrote, nor a directory.
fails 1 lichen cache-mount import /c --tier="$TIER" < /dev/null; has err 'the archive is empty'
: | gzip > nothing.gz; fails 1 lichen cache-mount import /c nothing.gz --tier="$TIER"; has err 'the archive is empty'
fails 1 lichen cache-mount import /c ctx --tier="$TIER"; has err 'ctx is a directory, not an archive'
fails 1 lichen load -i ctx; has err 'ctx is a directory, not an archive'
step target=/c 'cat /c/dir/file; : $N'; has err ' kept$'
# What leads out stays in.
mkdir evil; ln -s "$T" evil/out; tar -cf evil.tar -C evil out; tar -rf evil.tar --transform 's|.*|out/escaped|' --absolute-names "$T/plain.tar"
mounts import evil evil.tar; [ ! -e "$T/escaped" ] || fail "an archive wrote outside"
fails 1 lichen cache-mount export nothing --tier="$TIER"; has err 'no cache mount "nothing"'
fails any lichen cache-mount rm nothing --tier="$TIER"; fails 2 lichen cache-mount what; fails any lichen cache-mount import /c missing.tar --tier="$TIER"
# One whose root has an owner and a mode: the archive has what the step sees.
step target=/o,id=own,mode=0750,uid=7,gid=8 'echo own > /o/file; chown 9 /o/file; : $N'
mounts export own -o own.tar; same "$(tar --numeric-owner -tvf own.tar | awk '/file$/ { print $2 }')" 9/0
mounts import own own.tar; step target=/o,id=own,mode=0750,uid=7,gid=8 'stat -c %a:%u:%g /o; stat -c %u:%n /o/file; cat /o/file; : $N'
has err ' 750:7:8$'; has err ' 9:/o/file$'; has err ' own$'
# A step that uses it is waited for, or is in the way.
printf 'FROM %s\nRUN --mount=type=cache,target=/c echo step-waits; until [ -e /c/go ]; do sleep 0.1; done\n' "$TINY" > ctx/Dockerfile
lichen build --tier="$TIER" --progress=plain ctx >out2 2>err2 & building=$!
for _ in $(seq 300); do grep -q '[0-9] step-waits' err2 && break; sleep 0.1; done
mounts ls; has out 'in use'
fails any lichen cache-mount rm /c --tier="$TIER"; has err 'uses the cache mount'
ok lichen prune -f --filter type=exec.cachemount --tier="$TIER"; mounts ls; has out ' /c$'; hasnt out ' own$'
step target=/c 'touch /c/go; : $N'; wait $building || { cat err2; fail "the step that waited"; }

# A prune beside the build leaves what a later step of it finds there.
printf 'FROM %s\nRUN --mount=type=cache,target=/c,id=kept echo warm > /c/w\nRUN sleep 3\nRUN --mount=type=cache,target=/c,id=kept cp /c/w /w\n' "$TINY" > ctx/Dockerfile
lichen build --tier="$TIER" --no-cache --progress=plain -o kept ctx > kept.log 2>&1 & building=$!
for _ in $(seq 300); do ! grep -q 'RUN sleep' kept.log || break; sleep 0.1; done
ok lichen prune -f --tier="$TIER" --filter type=exec.cachemount
wait $building || { cat kept.log; fail "the cache was lost"; }
same "$(<kept/w)" warm
# Two processes: of a locked cache one is at work, a private one is each one's own, a shared one both see.
two() {
    printf 'FROM %s\nARG WHO\nRUN --mount=type=cache,target=/s,sharing=%s %s\n' "$TINY" "$1" "$2" > ctx/Dockerfile
    local pids=() who
    for who in a b; do
        lichen build --tier="$TIER" --progress=plain --build-arg WHO=$who -o "$1-$who" ctx > "out-$who" 2> "err-$who" & pids+=($!)
    done
    wait "${pids[0]}" || { cat err-a; fail "$1 a"; }; wait "${pids[1]}" || { cat err-b; fail "$1 b"; }
}
two locked 'test ! -e /s/busy; touch /s/busy; sleep 1; rm /s/busy; echo $WHO >> /s/log; cp /s/log /log'
same "$(cat locked-a/log locked-b/log | sort | uniq -c | awk '{ print $1 }' | sort | tr '\n' ' ')" "1 2 " "turns"
two private 'test ! -e /s/mine-$WHO; echo $WHO > /s/mine-$WHO; sleep 1; ls /s > /seen'
for who in a b; do other=$([ $who = a ] && echo b || echo a); ! grep -q "mine-$other" private-$who/seen || fail "a private cache was shared"; done
two shared 'echo $WHO > /s/here-$WHO; i=0; until [ -e /s/here-a -a -e /s/here-b ]; do i=$((i + 1)); [ $i -lt 300 ]; sleep 0.1; done'
store_is_clean

# A bound: what was used least recently goes first, and one that is larger alone goes, too.
ok lichen prune -f --filter type=exec.cachemount --tier="$TIER"
fill() { step "target=/f,id=$1" "dd if=/dev/zero of=/f/bytes bs=1M count=$2 2>/dev/null; : \$N"; sleep 1.1; }
fill old 4; fill new 4
step target=/x "true; : \$N"
printf 'FROM %s\nRUN true\n' "$TINY" > ctx/Dockerfile
build --cache-mount-max 6m ctx; same "$(size_of old)" 0 "the older cache"; [ "$(size_of new)" -gt 4000000 ] || fail "the newer cache is gone"
LICHEN_CACHE_MOUNT_MAX=1m build ctx; same "$(size_of new)" 0
fails 2 lichen_build --cache-mount-max much ctx
# docker's filters.
fill one 2; ok lichen prune -f --filter type=exec.cachemount --filter until=1h --tier="$TIER"; [ "$(size_of one)" -gt 2000000 ] || fail "it was used just now"
ok lichen prune -f --filter type=exec.cachemount --keep-storage 1GB --tier="$TIER"; [ "$(size_of one)" -gt 2000000 ] || fail "it was to be kept"
ok lichen prune -f --filter type=exec.cachemount --tier="$TIER"; same "$(size_of one)" 0
ok lichen prune --all -f --tier="$TIER"
