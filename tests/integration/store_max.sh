#!/bin/bash
# users: ids userns bare
# --store-max and LICHEN_STORE_MAX: a build ends with the store within the limit; what it uses and images with names stay.
# equality: none, it looks at the store
. "$(dirname "$0")/../support/lib.sh"
bytes() { lichen du --tier="$TIER" --format json | python3 -c "import json,sys; print(json.load(sys.stdin)['bytes'])"; }
write() { printf 'FROM %s\nRUN dd if=/dev/urandom of=/%s bs=1M count=4 2>/dev/null\nRUN echo %s > /n\n' "$TINY" "$1" "$1" > ctx/Dockerfile; }
write base; build -t named ctx
limit=$(($(bytes) + 12 * 1048576))
most() { # while builds run: the limit, a layer as a tree, and as a blob on its way
    while [ ! -e over ]; do { du -s --block-size=1 "$LICHEN_ROOT" 2>/dev/null || true; } | cut -f1; sleep 0.05; done | sort -n | tail -1 >most
}
most & watching=$!
for n in 1 2 3 4 5 6; do
    write "$n"
    if [ $n = 3 ]; then LICHEN_STORE_MAX=$limit build ctx; else build --store-max=$limit ctx; fi
    [ "$(bytes)" -le "$limit" ] || fail "build $n: $(bytes) bytes, the limit is $limit"
    hasnt err 'more than the limit'
    lichen images | grep -q '<none>' || fail "the image of build $n has gone"
done
touch over; wait $watching
[ "$(<most)" -le $((limit + 9 * 1048576)) ] || fail "$(<most) bytes at most, the limit is $limit"
# What was used last is still there; what was used first is not.
build ctx; same "$(cached)" 2 "cached steps of the last build"
write 1; build ctx; [ "$(cached)" -lt 2 ] || fail "the first build is still cached"
ok run named ls /base
# A limit that images with names exceed is told, and is no failure.
build --store-max=1k ctx; has err 'the store takes [0-9.]+[kM]B, more than the limit of 1.02kB'
ok run named ls /base
fails 2 lichen_build --store-max=lots ctx; has err 'store-max'
fails 2 env LICHEN_STORE_MAX=lots lichen build ctx; has err 'LICHEN_STORE_MAX'
