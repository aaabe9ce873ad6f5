#!/bin/bash
# users: ids userns bare
# Ctrl-C while a step runs: exit status 130, the step's processes are gone, the store is sound and usable.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo before > /b\nRUN echo now-sleeping; sleep 300\n' "$TINY" > ctx/Dockerfile
in_background lichen build --tier="$TIER" --progress=plain ctx
pid=$background
for _ in $(seq 300); do grep -q '[0-9] now-sleeping' err && break; sleep 0.1; done
has err '[0-9] now-sleeping'
python3 -c 'import os, signal, sys; os.killpg(int(sys.argv[1]), signal.SIGINT)' $pid
status=0; wait $pid || status=$?
same $status 130 "exit status"
store_is_clean
sed -i 's/sleep 300/true/' ctx/Dockerfile
build -o out1 ctx; same "$(<out1/b)" before
