#!/bin/bash
# users: ids userns bare
# kill -9 of the front process: what it started dies too, the store is sound, and builds go on; that it takes time to clean
# up is told.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo kept > /k\nRUN mkdir /many; cd /many; seq 60000 | xargs touch; echo now-sleeping; sleep 300\n' "$TINY" > ctx/Dockerfile
lichen build --tier="$TIER" --progress=plain ctx >out 2>err &
pid=$!
for _ in $(seq 600); do grep -q '[0-9] now-sleeping' err && break; sleep 0.1; done
has err '[0-9] now-sleeping'
kill -KILL $pid; wait $pid 2>/dev/null || true
for _ in $(seq 50); do pgrep -u "$(id -u)" -f 'sleep 300' >/dev/null || break; sleep 0.1; done
! pgrep -u "$(id -u)" -f 'sleep 300' || fail "the step lives on"
store_is_clean
sed -i 's/seq 60000/seq 1/; s/sleep 300/true/' ctx/Dockerfile
build ctx; has err '^lichen: cleaning up after a build that was killed$'; [ "$(cached)" -ge 1 ] || fail "the finished step was lost"
