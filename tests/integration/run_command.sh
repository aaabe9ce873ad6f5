#!/bin/bash
# users: ids userns bare
# lichen run: command, exit status, -e, -w, -u, -v, entrypoint; the image itself does not change.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nENV A=image\nWORKDIR /w\nENTRYPOINT ["/bin/sh","-c"]\nCMD ["echo $A; pwd"]\n' "$TINY" > ctx/Dockerfile
build -t r ctx
ok run r; same "$(<out)" $'image\n/w'
ok run -e A=mine r 'echo $A'; same "$(<out)" mine
ok run -w /tmp -u 1000 r 'pwd; id -u'; same "$(<out)" $'/tmp\n1000'
ok run -u www r 'id -u'; same "$(<out)" 33
mkdir share; echo shared > share/f; chmod 777 share
ok run -v "$T/share:/s" r 'cat /s/f; echo back > /s/g'; same "$(<out)" shared; same "$(<share/g)" back
ok run -v "$T/share:/s:ro" r '! echo x > /s/h'
[ ! -e share/h ] || fail "a read-only mount was written"
fails 7 run r 'exit 7'
fails 143 run r 'kill -TERM $$'
ok run r 'echo gone > /changed'; fails 1 run r 'test -e /changed'
if [ "$TIER" = bare ]; then
    fails 125 run --network=none r true; has err 'tier bare has the host.s network alone'
else
    ok run --network=none r 'ip -o link | grep -c .'; same "$(<out)" 1
fi
printf 'stdin arrives' | ok run -i r cat; same "$(<out)" "stdin arrives"
# What time(1) says of a command counts its steps.
python3 - lichen run --tier="$TIER" r 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; times' <<'P'
import re, resource, subprocess, sys
said = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True).stdout
burnt = float(re.match(r"0m([\d.]+)s", said)[1])
counted = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
assert burnt > 0.05 and counted > 0.8 * burnt, (burnt, counted)
P
fails 127 run "$TINY" /nowhere
# Nor may the name of what cannot be run drive the terminal.
printf 'FROM %s\nCMD ["\\u001b[2Jx"]\n' "$TINY" > ctx/Dockerfile; build -t c ctx
fails 127 run c; has err 'x1b\[2Jx'; ! grep -q $'\x1b' err || fail "an escape sequence reached the terminal"
