#!/bin/bash
# users: ids userns
# --network=none leaves the loopback alone; host (the default) reaches a server on the host; --add-host.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<D
FROM @TINY@
RUN ip -o link | grep -c . > /links; wget -q -O- http://$REG/v2/ > /answer 2>/dev/null || echo none > /answer
RUN grep -E 'box|ten' /etc/hosts > /hosts || true
D
build --network=none --no-cache --add-host=box:10.1.2.3 --add-host ten=10.0.0.10 -o out1 ctx
same "$(<out1/links)" 1 "links without a network"
same "$(<out1/answer)" none
grep -qE '^10\.1\.2\.3[[:space:]]+box' out1/hosts || fail "--add-host: $(<out1/hosts)"
grep -qE '^10\.0\.0\.10[[:space:]]+ten' out1/hosts || fail "--add-host: $(<out1/hosts)"
build --network=host --no-cache -o out2 ctx
same "$(<out2/answer)" "{}"
