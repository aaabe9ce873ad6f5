#!/bin/bash
# users: ids
# --target, unused stages are not built, ONBUILD runs in the next build, a stage by number.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@ AS base
RUN echo base > /base
ONBUILD RUN echo triggered > /onbuild
FROM @TINY@ AS broken
RUN false
FROM @TINY@
COPY --from=0 /base /copied
D
build -t last ctx
ok run last cat /copied; has out '^base$'
build --target base -t parent ctx
fails any lichen_build --target broken ctx; has err 'Dockerfile'
fails any lichen_build --target nowhere ctx; has err 'nowhere'
mkdir child; lichen_push() { ok lichen_build -t "$REG/onbuild:$TIER$$" --push --target base ctx; }
lichen_push
printf 'FROM %s\nRUN cat /onbuild > /seen\n' "$REG/onbuild:$TIER$$" > child/Dockerfile
build -o out1 child
same "$(<out1/seen)" triggered
