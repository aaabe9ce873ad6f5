#!/bin/bash
# users: ids userns bare
# Signals to `lichen run` are the command's, as docker run has it: its trap runs and its status is ours; what it
# ignores is ignored; a second Ctrl-C, or SIGKILL, ends all.
. "$(dirname "$0")/../support/lib.sh"
# start SCRIPT [FLAG...]: runs it and waits for it to say "ready".
start() {
    : > out
    in_background lichen run --tier="$TIER" "${@:2}" "$TINY" sh -c "$1"
    for _ in $(seq 300); do ! grep -q ready out || return 0; sleep 0.1; done
    fail "the command does not start"
}
# ended STATUS: it ends so.
ended() {
    local status=0
    wait $background || status=$?
    same $status "$1" "exit status"
}
wait_for_signal='echo ready; while :; do sleep 7'$$' & wait; done'
for signal in TERM INT HUP QUIT USR1 USR2 WINCH; do
    start "trap 'echo got $signal; exit 5' $signal; $wait_for_signal"
    kill -$signal $background; ended 5; has out "^got $signal"
done
# One that says nothing about it dies of it.
start "$wait_for_signal"; kill -TERM $background; ended 143
start "$wait_for_signal"; kill -USR1 $background; ended 138
# As another user.
start "trap 'echo got; exit 6' TERM; $wait_for_signal" -u www
kill -TERM $background; ended 6; has out '^got'
# It may go on; but not against a second Ctrl-C, nor SIGKILL.
start "trap 'echo no' TERM INT; $wait_for_signal"
kill -TERM $background; for _ in $(seq 100); do ! grep -q '^no' out || break; sleep 0.1; done; has out '^no'
kill -INT $background; sleep 0.5; kill -0 $background
kill -INT $background; ended 130
start "trap '' TERM; $wait_for_signal"; kill -TERM $background; sleep 0.5; kill -KILL $background; ended 137
for _ in $(seq 100); do
    left=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c "sleep 7$$" || true)
    [ "$left" != 0 ] || break
    sleep 0.1
done
same "$left" 0 "processes of the commands"
