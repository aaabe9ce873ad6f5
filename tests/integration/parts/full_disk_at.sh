#!/bin/bash
# full_disk_at.sh build|empty|check - what full_disk_anywhere.sh runs as each user. `build` exits as lichen does.
. "$LICHEN_TEST_STATE/work/support/lib.sh"
trap - EXIT ERR
set +e
export LICHEN_ROOT=$LICHEN_TEST_STORE
case $1 in
build)
    printf 'FROM %s\nRUN dd if=/dev/urandom of=/big bs=1M count=5 2>/dev/null\nCOPY big /copied\n' "$TINY" > ctx/Dockerfile
    [ -e ctx/big ] || head -c 2000000 /dev/urandom > ctx/big
    lichen_build -t full ctx >out 2>err
    status=$?
    # dd itself ran out of room: a failing RUN.
    if [ $status = 1 ] && grep -qiE 'no space|is full' err; then status=7; fi
    if [ $status = 7 ]; then grep -qiE 'space|full' err || { cat err; exit 99; }; elif [ $status != 0 ]; then cat err; fi
    exit $status ;;
empty)
    lichen prune --all --tier="$TIER" >out 2>err || { cat err; exit 1; }
    [ -z "$(find "$LICHEN_ROOT" -type f ! -name README ! -name version ! -name '*.lock' 2>/dev/null)" ] || { find "$LICHEN_ROOT"; exit 1; } ;;
check)
    lichen debug fsck --tier="$TIER" >out 2>err || { cat out err; exit 1; }
    lichen_build -o result ctx >out 2>err || { cat err; exit 1; }
    cmp ctx/big result/copied && [ "$(stat -c %s result/big)" = 5242880 ] ;;
esac
