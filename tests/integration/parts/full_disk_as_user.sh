#!/bin/bash
# What full_disk.sh runs as each user, with the store on 24 MiB.
. "$LICHEN_TEST_STATE/work/support/lib.sh"
export LICHEN_ROOT=$LICHEN_TEST_STORE
printf 'FROM %s\nRUN dd if=/dev/zero of=/big bs=1M count=60\n' "$TINY" > ctx/Dockerfile
fails any lichen_build ctx; has err 'Dockerfile:2'; has err '[Nn]o space left|full'
store_is_clean
printf 'FROM %s\n' "$DEBIAN" > ctx/Dockerfile
fails any lichen_build ctx; has err '[Nn]o space left|full|space'
store_is_clean
printf 'FROM %s\nRUN echo fits > /f\n' "$TINY" > ctx/Dockerfile
build -o out1 ctx; same "$(<out1/f)" fits
