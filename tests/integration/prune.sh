#!/bin/bash
# users: ids userns bare
# lichen du and prune: what is shown, what goes and what stays, while a build runs too; then the store is removed.
# equality: none, it looks at the store
. "$(dirname "$0")/../support/lib.sh"
entries() { lichen du --tier="$TIER" --format json | python3 -c "
import json, sys
print(sum(entry['type'] == '$1' for entry in json.load(sys.stdin)['entries']))"; }
prune() { ok lichen prune --tier="$TIER" "$@"; }

cat > ctx/Dockerfile <<EOF
FROM $TINY AS base
RUN echo first > /first
RUN --mount=type=cache,target=/cache dd if=/dev/zero of=/cache/file bs=1M count=3 2>/dev/null; dd if=/dev/zero of=/big bs=1M count=2 2>/dev/null
RUN mkdir -p /closed/inner && touch /closed/inner/file && chown -R 7:8 /closed && chmod 0 /closed/inner && chmod 555 /closed
FROM base AS other
RUN echo other > /other
EOF
build -t kept --target base ctx
build ctx
ok lichen images; has out '<none>'

# As the file system counts, within 1 %.
real=$(($(as_root du -s --block-size=1 "$LICHEN_ROOT" | cut -f1))) mine=$(store_bytes)
[ $((mine > real ? mine - real : real - mine)) -le $((real / 100)) ] || fail "du says $mine bytes, the file system $real"
same "$(entries 'cache mount')" 1 "cache mounts"; same "$(entries image)" 2 images
ok lichen du --tier="$TIER" -v; has out 'RUN echo first'; has out '^Total'
# All belongs to it: what each takes adds up.
ok lichen du --tier="$TIER"; has out '^Images +2 '

# Nothing is old enough; a cache mount alone; then what the named image does not need.
prune --filter until=1h; has out 'Total reclaimed space: 0B'
prune --filter type=exec.cachemount; has out '3.*MB'; same "$(entries 'cache mount')" 0 "cache mounts"
prune -v; has out 'RUN echo other'; hasnt out 'RUN echo first'
ok lichen images; hasnt out '<none>'; has out kept
ok run kept cat /first; has out first
build --target base ctx; same "$(cached)" 3 "cached steps"
store_is_clean

# A build that runs keeps what it has found and made, and ends well.
printf 'FROM %s AS base\nRUN echo first > /first\nFROM base\nRUN echo now-waiting; until [ -e /go/now ]; do sleep 0.1; done\nRUN cat /first\n' "$TINY" > ctx/Dockerfile
sed -i 's|RUN echo now|RUN --mount=type=cache,target=/go echo now|' ctx/Dockerfile
lichen build --tier="$TIER" --progress=plain -t waited ctx >out2 2>err2 & building=$!
for _ in $(seq 300); do grep -q '[0-9] now-waiting' err2 && break; sleep 0.1; done
prune --all; prune
ok lichen images; hasnt out kept
as_root touch "$(dirname "$(as_root find "$LICHEN_ROOT/caches" -name fs)")/fs/now"
wait $building || { cat err2; fail "the build that ran while the store was pruned"; }
ok run waited cat /first; has out first
store_is_clean

# Down to a limit, and it all goes at last.
limit=$(($(store_bytes) - 2000))
prune --max-used-space "$limit"; [ "$(store_bytes)" -le "$limit" ] || fail "$(store_bytes) bytes are left of $limit"
# At a terminal it asks first.
fails 130 at_terminal 'y/N' '\x03' -- lichen prune --tier="$TIER" --all; hasnt out reclaimed
ok at_terminal 'y/N' 'n\n' -- lichen prune --tier="$TIER" --all; hasnt out reclaimed
ok lichen images; has out waited
ok at_terminal 'y/N' 'y\n' -- lichen prune --tier="$TIER" --all; has out reclaimed
ok lichen images; hasnt out waited
[ -z "$(find "$LICHEN_ROOT/blobs" -type f)" ] || fail "blobs are left"
prune --all
same "$(find "$LICHEN_ROOT" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" "README sessions sessions.lock tmp version " "what is left"
printf 'FROM %s\nRUN mkdir -p /closed/inner && touch /closed/inner/file && chown -R 7:8 /closed && chmod 0 /closed/inner && chmod 555 /closed\n' "$TINY" > ctx/Dockerfile
build -t again ctx
has root/README "lichen prune"
case $TIER in
ids) command=$(grep unshare root/README) ;;
userns) command=$(grep chmod root/README) ;;
bare) command='rm -rf DIR' ;;
esac
bash -c "${command//DIR/$LICHEN_ROOT}" || fail "$command"
[ ! -e "$LICHEN_ROOT" ] || fail "the store cannot be removed"
