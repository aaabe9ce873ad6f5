#!/bin/bash
# users: ids userns
# cost: 60
# Every intercepted system call, with good and bad arguments, answers a step as the kernel answers
# real root (tests/data/syscalls, recorded by tests/support/record-syscalls).
. "$(dirname "$0")/../support/lib.sh"
need gcc
gcc -O1 -static -pthread -o ctx/syscalls "$SUPPORT/syscalls.c"
printf 'FROM scratch\nCOPY syscalls /syscalls\n' > ctx/Dockerfile
build -t s ctx
# What differs for a known reason: PATTERN, by tier (the file says why).
known() { sed -n "s/^$TIER //p" "$SUPPORT/syscalls-known.txt"; }
for context in root user thread vfork seccomp; do
    ok run s /syscalls /t $context
    zcat "$SUPPORT/syscalls/$context.txt.gz" > want
    known > patterns
    diff <(grep -vxE -f patterns want) <(grep -vxE -f patterns out) > difference ||
        { head -50 difference; fail "$context: $(grep -c '^>' difference) answers differ from those of real root"; }
    [ "$(wc -l < want)" = "$(wc -l < out)" ] || fail "$context: lines are missing"
done
