# common.sh - what the benchmarks share; sourced by bash scripts. On top of tests/support/common.sh it gives
# rounds (ROUNDS, 5), area (where stores lie) and functions to make that place, to work in it as an
# ordinary user, and to reckon.
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../tests/support/common.sh"
rounds=${ROUNDS:-5}

# begin SIZE: stages the program and makes users, area, and debian, the base image's OCI layout. As root the
# area is a journalled ext4 on a loop device, so that one file system's habits do not decide.
begin() {
    stage "$top/build/release/lichen"
    area=$state/area
    trap finish EXIT
    make_users
    mkdir -p "$area"
    if am_root && truncate -s "$1" "$state/disk" && mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$state/disk" &&
        mount -o loop "$state/disk" "$area" 2>/dev/null; then
        chmod 1777 "$area"; say "stores on ext4 with a journal, on a loop device"
    else
        say "note: stores in $area, on $(stat -f -c %T "$area"); as root they would be on a loop device of their own"
    fi
    { read -r debian; read -r _; } < <("$here/base-image") || die "no base image"
    [ "$debian" != - ] || die "making a Debian base image needs root, or a range of sub-ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
}
# A virtual machine gets its memory from the host when it is first touched, and gives back what has been free for some
# seconds, or a GiB of it at once: who comes first would pay for all, two seconds a GiB. Whoever is timed next finds some that was just touched.
touch_memory() {
    python3 -c 'import mmap
mmap.mmap(-1, 768 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()'
}
finish() { stop_all; ! mountpoint -q "$area" || umount "$area"; remove_state; }

# as USER COMMAND [PLACE]: as lichen-USER, with a folder of the area, PLACE or USER, as home and store; $first goes before.
as() {
    local home=$area/${3:-$1}
    mkdir -p "$home"; ! am_root || chown "lichen-$1:" "$home"
    (cd "$state/work" && "$state/work/support/as-user" "$1" "$home" env PATH="$state/bin:$PATH" \
        LICHEN_ROOT="$home/lichen" TMPDIR="$home" bash -c "${first:-}$2") >"$state/log" 2>&1
}
wipe() { # PLACE: nothing of it is left
    if am_root; then rm -rf "${area:?}/$1"; else unshare --user --map-root-user --map-auto rm -rf "${area:?}/$1"; fi
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : int((v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
