#!/bin/bash
# users: ids userns bare
# An unchanged build needs no registry; nor does a changed step on a base that is here. --pull and what is not here do.
. "$(dirname "$0")/../support/lib.sh"
export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
registry_at() { printf '[[registry]]\nprefix = "away.test"\nlocation = "%s"\ninsecure = true\n' "$1" > "$CONTAINERS_REGISTRIES_CONF"; }
up() { registry_at "$REG"; }
down() { registry_at 127.0.0.1:1; }
base=away.test/${TINY#*/}
printf 'FROM %s\nCOPY file /file\nRUN echo step-ran; cat /file > /seen\n' "$base" > ctx/Dockerfile
echo 1 > ctx/file
down; fails any lichen_build ctx; has err 'Dockerfile:1'; has err '127.0.0.1:1'
up; build -t off --iidfile iid ctx; has err '[0-9] step-ran$'
down; build -t off --iidfile iid2 ctx
same "$(cached)" 2; same "$(<iid2)" "$(<iid)"; has err 'warning: .*as it was last seen, sha256:'
echo 2 > ctx/file; build -o tree ctx; same "$(<tree/seen)" 2
# By digest nobody needs to be asked at all.
digest=$(sed -n 's/.*as it was last seen, \(sha256:[0-9a-f]*\).*/\1/p' err | head -n 1)
sed "s|^FROM .*|FROM $base@$digest|" ctx/Dockerfile > pinned; build -f pinned ctx; hasnt err "warning:"
# What was asked for and cannot be had is an error, and says which registry.
fails any lichen_build --pull ctx; has err '127.0.0.1:1'; has err 'Dockerfile:1'
sed "s|^FROM .*|FROM ${base%:*}:other|" ctx/Dockerfile > other; fails any lichen_build -f other ctx; has err '127.0.0.1:1'
fails any lichen_build -t away.test/pushed --push ctx; has err '127.0.0.1:1'
up; build --pull ctx; hasnt err 'last seen'
