#!/bin/bash
# users: harness
# cost: 40
# The disk of the store is full at any write: a clear error, a store that is sound when there is room again, and one that
# `prune --all` empties when there is none. LICHEN_TEST_SIZES: how many sizes of the disk are tried (make soak: 150).
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "SKIP: only root can mount a small file system for the store"; exit 77; }
sizes=${LICHEN_TEST_SIZES:-8} seed=${LICHEN_TEST_SEED:-$$}
echo "LICHEN_TEST_SEED=$seed"
RANDOM=$seed
disk=$LICHEN_TEST_DIR/mnt
mkdir -p "$disk"
trap 'umount -q "$disk" || true' EXIT
for who in ids userns bare; do
    home=$LICHEN_TEST_DIR/$who
    uid=$(id -u "lichen-$who" 2>/dev/null || echo "$LICHEN_TEST_RANDOM_UID")
    mkdir -p "$home"; chown "$uid" "$home"
    as_user() { # WORD: what full_disk_at.sh is to do
        LICHEN_TEST_TIER=$who LICHEN_TEST_USER=$who LICHEN_TEST_STORE=$disk/store LICHEN_TEST_DIR=$home \
            "$LICHEN_TEST_STATE/work/support/as-user" "$who" "$home" \
            bash "$LICHEN_TEST_STATE/work/integration/parts/full_disk_at.sh" "$1"
    }
    full=0
    for ((n = 0; n < sizes; ++n)); do
        # Small ones are full when the store is made, large ones at the image's layer.
        size=$((n * 22000 / sizes + RANDOM % (22000 / sizes) + 40))k
        mount -t tmpfs -o "size=$size,mode=700,uid=$uid" none "$disk"
        status=0; as_user build || status=$?
        case $status in
        0) ;;
        7)
            full=$((full + 1))
            if ((n % 2)); then
                as_user empty || { echo "prune --all with $size, tier $who"; exit 1; }
            fi
            mount -o remount,size=80m "$disk"
            as_user check || { echo "fsck after $size, tier $who"; exit 1; } ;;
        *) echo "the build with $size at tier $who: exit status $status"; exit 1 ;;
        esac
        umount "$disk"
    done
    echo "$who: the disk was full in $full of $sizes builds"
    [ "$full" -gt 0 ] && [ "$full" -lt "$sizes" ]
done
