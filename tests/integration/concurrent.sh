#!/bin/bash
# users: ids userns
# Several builds in one store at once, some of them the same, all come out right.
. "$(dirname "$0")/../support/lib.sh"
pids=()
for n in 1 2 3 4 5 6; do
    mkdir c$n; m=$(((n + 1) / 2))
    printf 'FROM %s\nRUN echo common > /c\nRUN echo %s > /n\n' "$TINY" $m > c$n/Dockerfile
    lichen build --tier="$TIER" --progress=plain -t "con:$n" -o "o$n" c$n >out$n 2>err$n &
    pids+=($!)
done
for n in 1 2 3 4 5 6; do wait "${pids[n - 1]}" || { cat err$n; fail "build $n"; }; done
for n in 1 2 3 4 5 6; do same "$(<o$n/n)" $(((n + 1) / 2)); same "$(<o$n/c)" common; done
