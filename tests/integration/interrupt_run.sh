#!/bin/bash
# users: ids userns bare
# Ctrl-C while a step runs: exit status 130, the step's processes are gone by then, the store is sound and usable.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo before > /b\nRUN for i in $(seq 200); do sleep 7%s & done; echo now-sleeping; wait\n' "$TINY" $$ > ctx/Dockerfile
in_background lichen build --tier="$TIER" --progress=plain ctx
pid=$background
for _ in $(seq 300); do grep -q '[0-9] now-sleeping' err && break; sleep 0.1; done
has err '[0-9] now-sleeping'
python3 -c 'import os, signal, sys; os.killpg(int(sys.argv[1]), signal.SIGINT)' $pid
status=0; wait $pid || status=$?
same $status 130 "exit status"
same "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c "sleep 7[0]*$$" || true)" 0 "processes of the step"
store_is_clean
sed -i "s/^RUN for.*/RUN true/" ctx/Dockerfile
build -o out1 ctx; same "$(<out1/b)" before
