#!/bin/bash
# Of network_sandbox, as an ordinary user. The registry is out of reach here: the base is a layout.
. "$(dirname "$0")/../../support/lib.sh"
helpers() { ps -o stat=,comm= -u "$(id -u)" | grep -cE "^[^Z]+ +(pasta|passt|slirp4netns)" || true; }
cat > ctx/Dockerfile <<'D'
FROM base AS base
FROM base
RUN wget -q -O /outside http://10.9.9.1:8000/
RUN cp /etc/resolv.conf /resolv && nslookup some.test > /name
RUN nc -w 2 10.9.9.1 8000 </dev/null && ! nc -w 2 127.0.0.1 8001 </dev/null
RUN for a in 10.9.8.254 10.0.2.2 169.254.1.1; do ! nc -w 2 $a 8001 </dev/null || exit 1; done
RUN ls /sys/class/net > /links
RUN (setsid sleep 1000 &)
RUN --network=none ! nc -w 2 10.9.9.1 8000 </dev/null
D
build --network=sandbox --build-context base="oci-layout://$TINY_LAYOUT:base" -t app -o type=image -o got ctx
same "$(<got/outside)" outside
grep -qE '^nameserver (169.254.1.1|10.0.2.3)$' got/resolv || fail "resolv.conf: $(<got/resolv)"
grep -q '10\.9\.9\.1' got/name || fail "names: $(<got/name)"
same "$(grep -cvx lo got/links)" 1 "network devices beside lo"
same "$(helpers)" 0 "helpers that are left"
ok run --network=sandbox app wget -q -O- http://10.9.9.1:8000/; same "$(<out)" outside
ok run --network=host app wget -q -O- http://127.0.0.1:8001/; same "$(<out)" loopback

fails 125 run --network=host -p 1:2 app true; has err 'network=sandbox'
serve=(sh -c 'mkdir /w; echo inside > /w/index.html; echo up >&2; exec httpd -f -p 80 -h /w')
if [ "$LICHEN_TEST_HELPER" = pasta ]; then
    in_background lichen run --tier="$TIER" -p 8080:80 app "${serve[@]}"
    for _ in $(seq 200); do answer=$(curl -s http://10.9.8.1:8080/ || true); [ -z "$answer" ] || break; sleep 0.05; done
    same "$answer" inside "answer from the published port"
    same "$(helpers)" 1 helpers
    kill -KILL $background; wait $background 2>/dev/null || true
    for _ in $(seq 100); do [ "$(helpers)" != 0 ] || break; sleep 0.05; done
    same "$(helpers)" 0 "helpers that outlive lichen"
    ! curl -s http://10.9.8.1:8080/ || fail "the published port outlived lichen"
else
    fails 125 run -p 8080:80 app true; has err 'passt'
fi
# A machine without either says what to install.
fails 125 unshare --user --map-root-user --mount sh -c 'mount --bind /dev/null "$1"; exec lichen run --root="$2" --network=sandbox app true' \
    sh "$(command -v "$LICHEN_TEST_HELPER")" "$LICHEN_ROOT"
has err 'apt-get install passt'
