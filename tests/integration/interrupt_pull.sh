#!/bin/bash
# users: ids userns
# Ctrl-C while a registry stalls in the middle of a blob: exit status 130, soon, and a sound store.
. "$(dirname "$0")/../support/lib.sh"
python3 "$SUPPORT/faulty_registry.py" "$TINY_LAYOUT" port >/dev/null 2>&1 &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
printf 'FROM 127.0.0.1:%s/stall:base\nRUN true\n' "$(<port)" > ctx/Dockerfile
in_background lichen build --tier="$TIER" --progress=plain ctx
pid=$background
for _ in $(seq 100); do [ -e port.stalled ] && break; sleep 0.1; done
[ -e port.stalled ] || fail "the blob was never asked for"
sleep 0.3; start=$SECONDS
kill -INT $pid; status=0; wait $pid || status=$?
kill $server
same $status 130 "exit status"
[ $((SECONDS - start)) -le 5 ] || fail "it took $((SECONDS - start)) s to stop"
store_is_clean
printf 'FROM %s\nRUN echo ok > /ok\n' "$TINY" > ctx/Dockerfile
build -o out1 ctx
