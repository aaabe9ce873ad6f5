#!/bin/bash
# users: ids userns bare
# A COPY that runs again links what has not changed from the snapshot that it made before: what comes of it is the same as in an
# empty store, the disk space is counted right, and each of them can go.
# equality: none, it looks at the store
. "$(dirname "$0")/../support/lib.sh"
# du twice: what is counted, and what was remembered.
counted() {
    local real mine
    for _ in 1 2; do
        real=$(($(as_root du -s --block-size=1 "$LICHEN_ROOT" | cut -f1))) mine=$(store_bytes)
        [ $((mine > real ? mine - real : real - mine)) -le $((real / 100)) ] || fail "du says $mine bytes, the file system $real"
    done
}
# expect N: the files that the newest snapshot of the COPY shares with others; at tier bare there are none.
expect() {
    local newest
    newest=$(as_root find "$LICHEN_ROOT/snapshots" -path '*/fs/app/src' | sort -V | tail -1)
    same "$(as_root find "$newest" -type f -links +1 | wc -l)" "$([ "$TIER" = bare ] && echo 0 || echo "$1")" "files that are linked"
}
# The image as it is, and as it would be in an empty store.
compare() {
    build -o type=oci,dest=here.tar "$@" ctx
    LICHEN_ROOT=$T/empty build -o type=oci,dest=fresh.tar "$@" ctx
    cmp here.tar fresh.tar || fail "the image is another in an empty store"
    as_root rm -rf "$T/empty"
}
export SOURCE_DATE_EPOCH=1700000000
mkdir -p ctx/src/sub
for n in $(seq 100); do head -c 60000 /dev/urandom > ctx/src/$n; head -c 3000 /dev/urandom > ctx/src/sub/$n; done
chmod 711 ctx/src/7; ln ctx/src/8 ctx/src/hard
dockerfile <<'D'
FROM @TINY@
RUN mkdir -p /app/here && echo base > /app/here/f
COPY --chown=3:4 . /app
RUN cat /app/src/1 | sha256sum > /sum; find /app -type f | wc -l > /count
D
sleep 0.1  # what is not older than the build is not trusted
build ctx; counted

# One of 201 is edited, one comes, one has another mode, one was touched, one has gone.
echo edited >> ctx/src/1; echo new > ctx/src/new; chmod 700 ctx/src/7; touch ctx/src/9; rm ctx/src/10
build ctx; same "$(cached)" 1 "cached steps"
expect 197
compare; counted; store_is_clean
# The same size and time: what it holds counts.
touch -r ctx/src/2 stamp; tr '\0-\377' '\1-\377\0' < ctx/src/2 > two; cat two > ctx/src/2; touch -r stamp ctx/src/2
sleep 0.1
build ctx; expect 200
compare; counted
build -o tree ctx; cmp tree/app/src/2 two || fail "an edited file of the same size and time was linked"

# Other owners, and another base, are other files; a place of its own is another family.
sed -i s/3:4/5:6/ ctx/Dockerfile; build ctx; expect $([ "$TIER" = ids ] && echo 0 || echo 201)  # without sub-ids owners are records
compare
sed -i 's/echo base/echo other/' ctx/Dockerfile; build ctx; expect 0
compare; counted; store_is_clean

# Not where the layer stands on nothing.
printf 'FROM %s\nCOPY --link . /app\nCOPY src/sub /tmp\n' "$TINY" > ctx/linked
printf 'FROM scratch\nCOPY . /app\n' > ctx/scratch
for file in linked scratch; do
    build -f ctx/$file ctx; echo more >> ctx/src/sub/3; build -f ctx/$file ctx; expect 0
    compare -f ctx/$file
done

# The older ones go first, and free what only they have; a limit is kept.
for n in 1 2 3; do sleep 1.1; echo "$n" >> ctx/src/4; build ctx; done
counted
before=$(store_bytes); ok lichen prune --tier="$TIER" --filter until=2s -v; counted
build ctx; has err CACHED
limit=$(($(store_bytes) - 100000)); ok lichen prune --tier="$TIER" --max-used-space "$limit"
[ "$(store_bytes)" -le "$limit" ] || fail "$(store_bytes) bytes are left of $limit"; [ "$before" -gt "$limit" ] || fail "nothing went"
counted; store_is_clean
compare
echo last >> ctx/src/5; build --store-max="$limit" -t last ctx
counted; compare
build ctx; same "$(cached)" 3 "steps of the newest, which go last"
# The newest goes, and what it shares stays with the others.
echo gone >> ctx/src/6; build ctx; ok lichen prune --tier="$TIER"; counted
ok run last cat /app/src/5; cmp out ctx/src/5 || fail "the image that stays is damaged"
compare; store_is_clean
