#!/bin/bash
# users: harness
# No space left in the store: a clear error, and a store that is sound, for each tier.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "SKIP: only root can mount a small file system for the store"; exit 77; }
for who in ids userns; do
    mkdir -p "$LICHEN_TEST_DIR/mnt"
    mount -t tmpfs -o size=24m,mode=700,uid="$(id -u lichen-$who)" none "$LICHEN_TEST_DIR/mnt"
    mkdir -p "$LICHEN_TEST_DIR/$who"; chown "lichen-$who:" "$LICHEN_TEST_DIR/$who"
    status=0
    LICHEN_TEST_TIER=$who LICHEN_TEST_USER=$who LICHEN_TEST_STORE=$LICHEN_TEST_DIR/mnt/store \
        LICHEN_TEST_DIR=$LICHEN_TEST_DIR/$who "$LICHEN_TEST_STATE/work/support/as-user" "$who" "$LICHEN_TEST_DIR/$who" \
        bash "$LICHEN_TEST_STATE/work/integration/parts/full_disk_as_user.sh" || status=$?
    umount "$LICHEN_TEST_DIR/mnt"
    [ $status = 0 ] || exit $status
done
