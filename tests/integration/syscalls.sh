#!/bin/bash
# users: ids userns bare
# cost: 60
# Every intercepted system call, with good and bad arguments, answers a step as the kernel answers
# real root (tests/support/syscalls, recorded by tests/support/record-syscalls).
. "$(dirname "$0")/../support/lib.sh"
need gcc
gcc -O1 -static -pthread -o ctx/syscalls "$SUPPORT/syscalls.c"
printf 'FROM scratch\nCOPY syscalls /syscalls\n' > ctx/Dockerfile
build -t s ctx
# Answers that differ for a reason that docs/testing.md gives are listed in TIER.CONTEXT.known.
for context in root user thread vfork seccomp; do
    ok run s /syscalls /t $context
    data=$SUPPORT/syscalls
    zcat "$data/$context.txt.gz" > want
    [ "$(wc -l < want)" -gt 1 ] || fail "$context: nothing was recorded"
    { diff want out || true; } | sed -n 's/^> //p' | sort -u > differences
    sort -u "$data/$TIER.$context.known" 2>/dev/null > known || true
    comm -23 differences known > new
    [ ! -s new ] || { head -40 new; fail "$context: $(wc -l < new) answers differ from those of real root"; }
done
