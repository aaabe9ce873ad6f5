#!/bin/bash
# users: ids userns bare
# A step's daemons die with it, and its world is its own: pids, hostname, no terminal, empty stdin.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@
RUN (trap '' TERM HUP; sleep 1000) & sleep 1001 & echo started
RUN setsid sleep 1002 </dev/null >/dev/null 2>&1 & echo started
RUN test -z "$(ps | grep 'sleep 100[0-9]' | grep -v grep)"
RUN test "$(cat)" = "" && ! (exec 3</dev/tty) 2>/dev/null && test -w /dev/null && test -c /dev/urandom && test -d /dev/shm
RUN grep -q '^nameserver' /etc/resolv.conf || test ! -s /etc/resolv.conf; grep -q localhost /etc/hosts && test -n "$(hostname)"
RUN test ! -w /proc/sysrq-trigger && ! echo 1 > /proc/sys/kernel/sysrq && ! cat /proc/kcore >/dev/null
RUN ! echo x 2>/dev/null > /sys/kernel/mm/x && grep -q NoNewPrivs /proc/self/status
D
echo "should never be read" | build ctx
# Without a pid namespace the names of all processes can be listed (docs/security.md).
[ "$TIER" != bare ] || exit 0
# No process of the host is seen: those of /proc are lichen's own init, the shell and its children.
ok run --network=none "$TINY" sh -c 'ls -d /proc/[0-9]* | wc -l'
[ "$(<out)" -le 5 ] || fail "a container sees $(<out) processes"
