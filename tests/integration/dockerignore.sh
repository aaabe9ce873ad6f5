#!/bin/bash
# users: ids
# .dockerignore keeps files out of COPY, exceptions bring them back, and they do not break the cache.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p ctx/logs ctx/src; touch ctx/logs/x.log ctx/logs/keep.log ctx/src/a.c ctx/src/a.o ctx/secret
printf '%s\n' '# comment' '**/*.o' 'logs/*' '!logs/keep.log' secret Dockerfile .dockerignore > ctx/.dockerignore
printf 'FROM scratch\nCOPY . /\n' | dockerfile
build -o out1 ctx
same "$(cd out1 && find . -type f | sort | tr '\n' ' ')" "./logs/keep.log ./src/a.c "
echo changed > ctx/secret
build -o out2 ctx
[ "$(cached)" -ge 1 ] || fail "an ignored file broke the cache"
