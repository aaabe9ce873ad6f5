#!/bin/bash
# users: ids userns bare
# cost: 30
# equality: none, its builds run at the same time
# 8 builds at once in one store, 4 alike and 4 not, with prunes beside them: each step runs once for all, every image is
# right, the store is sound. LICHEN_TEST_ROUNDS: how often (make soak: 20).
. "$(dirname "$0")/../support/lib.sh"
rounds=${LICHEN_TEST_ROUNDS:-2}
cat > Dockerfile <<D
FROM $TINY AS first
ARG ROUND
RUN echo ran-common-\$ROUND; echo common \$ROUND > /common
FROM first
ARG OWN
RUN echo ran-own-\$OWN-\$ROUND; echo own \$OWN \$ROUND > /own
COPY file /file
RUN echo ran-last-\$OWN-\$ROUND; cat /common /own /file > /all
D
cp Dockerfile ctx
for ((round = 1; round <= rounds; round++)); do
    rm -f going err-*; touch going; head -c 100000 /dev/urandom | base64 > ctx/file
    while [ -e going ]; do lichen prune -f --tier="$TIER" >prune.log 2>&1 || { touch prune.failed; break; }; done & pruning=$!
    pids=()
    for n in 1 2 3 4 5 6 7 8; do
        own=$((n < 5 ? n : 5))
        lichen build --tier="$TIER" --progress=plain -t "con:$own" --build-arg ROUND=$round --build-arg OWN=$own ctx >"out-$n" 2>"err-$n" & pids+=($!)
    done
    for n in 1 2 3 4 5 6 7 8; do wait "${pids[n - 1]}" || { cat "err-$n"; fail "build $n of round $round"; }; done
    rm going; wait $pruning; [ ! -e prune.failed ] || { cat prune.log; fail "prune in round $round"; }
    sed -n 's/^#[0-9]* [0-9.]* *\(ran-[a-z0-9-]*\)$/\1/p' err-* | sort > ran
    { echo "ran-common-$round"; for own in 1 2 3 4 5; do echo "ran-own-$own-$round"; echo "ran-last-$own-$round"; done; } | sort > want
    diff want ran || fail "round $round: not each step once"
    for own in 1 2 3 4 5; do
        run "con:$own" cat /all > all; cmp all <(echo "common $round"; echo "own $own $round"; cat ctx/file) || fail "image $own of round $round"
    done
    store_is_clean
done
ok lichen prune --all -f --tier="$TIER"
echo "$rounds rounds"
