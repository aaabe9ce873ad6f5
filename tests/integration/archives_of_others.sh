#!/bin/bash
# users: harness
# cost: 30
# One tree with every trait (tests/support/archives.py) as a layer written by GNU tar, bsdtar, Python's tarfile and, with Go's
# archive/tar, umoci, buildah and skopeo: lichen reads it back entry for entry, at each tier; and all of them read lichen's own layers.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "SKIP: only root can make the devices and owners that the archives are made of"; exit 77; }
for program in bsdtar umoci buildah skopeo; do
    command -v $program >/dev/null || { echo "SKIP: $program is not installed"; exit 77; }
done
cd "$LICHEN_TEST_DIR"
support=$LICHEN_TEST_STATE/work/support
archives() { python3 "$support/archives.py" "$@"; }
quiet() { "$@" >log 2>&1 || { cat log; echo "FAILED: $*"; exit 1; }; }
# libarchive takes names that are not UTF-8 where the locale says nothing about bytes, and warns of each.
bsdtar() { LC_ALL=C command bsdtar "$@" 2>"$LICHEN_TEST_DIR/bsdtar.log" || { cat "$LICHEN_TEST_DIR/bsdtar.log"; return 1; }; }
archives make tree
archives compare tree
mkdir in

# --- what others write -------------------------------------------------------------------------------
# in/list: a line `NAME LAYOUT:TAG WITHOUT CHANGE` for each image.
layer() { # NAME WITHOUT: NAME.tar
    archives layer "$1.tar" "in/$1"
    echo "$1 $1:base $2 -" >> in/list
}
tar_with() { # NAME WITHOUT PROGRAM FLAG...
    local name=$1 without=$2; shift 2
    archives names --without "$without" | (cd tree; "$1" --null --no-recursion -T - "${@:2}" -cf "../$name.tar")
    layer "$name" "$without"
}
# ustar has no extended attributes, long names, times and ids beyond its fields; v7 no devices, either.
ustar=xattr,long,time,id
tar_with gnu-gnu xattr tar --format=gnu
tar_with gnu-gnu-sparse xattr tar --format=gnu -S
tar_with gnu-oldgnu xattr tar --format=oldgnu -S
tar_with gnu-ustar $ustar tar --format=ustar
tar_with gnu-v7 $ustar,prefix,device,fifo tar --format=v7
pax=(--format=posix --xattrs '--xattrs-include=*')
tar_with gnu-posix none tar "${pax[@]}"
for version in 0.0 0.1 1.0; do tar_with gnu-sparse-$version none tar "${pax[@]}" -S --sparse-version=$version; done
tar_with bsd-pax none bsdtar --format=pax --read-sparse --xattrs
tar_with bsd-paxr none bsdtar --format=paxr --no-read-sparse --xattrs
tar_with bsd-gnutar xattr,time bsdtar --format=gnutar
tar_with bsd-ustar $ustar bsdtar --format=ustar
for format in pax gnu ustar; do
    case $format in pax) without=none ;; gnu) without=xattr ;; ustar) without=$ustar ;; esac
    archives write $format python-$format.tar --without $without
    layer python-$format $without
done

change() { # ROOTFS: as `changed` of archives.py has it
    rm -r "$1/d/sub" "$1/d/empty" "$1/z-hard" "$1/o"
    echo 'now a file' > "$1/d/sub"; mkdir -m 755 "$1/o"; echo new > "$1/o/new"; chmod 644 "$1/d/sub" "$1/o/new"
}
quiet umoci init --layout in/umoci
quiet umoci new --image in/umoci:x
quiet umoci unpack --image in/umoci:x bundle
cp -a tree/. bundle/rootfs/
quiet umoci repack --refresh-bundle --image in/umoci:whole bundle
change bundle/rootfs
quiet umoci repack --image in/umoci:changed bundle
runroot=$(mktemp -d /tmp/lichen.XXXXXX)  # podman wants it short
store=(--root "$PWD/b/s" --runroot "$runroot" --storage-driver vfs)
trap 'command buildah "${store[@]}" rm -a >/dev/null 2>&1; umount -q b/s/vfs || true; rm -rf "$runroot"' EXIT
buildah() { command buildah "${store[@]}" "$@" </dev/null; }
container=$(buildah from scratch); cp -a tree/. "$(buildah mount "$container")/"
quiet buildah commit "$container" whole
container=$(buildah from whole); change "$(buildah mount "$container")"
quiet buildah commit "$container" changed
for name in whole changed; do
    change=-; [ $name = whole ] || change=--change
    quiet buildah push $name "oci:in/buildah:$name"
    quiet skopeo copy "oci:in/buildah:$name" "docker-archive:in/skopeo-$name.tar:skopeo-$name:1"
    echo "umoci-$name umoci:$name none $change
buildah-$name buildah:$name none $change
skopeo-$name docker-archive none $change" >> in/list
done
bsdtar -C tree -cjf in/tree.tar.bz2 .
bsdtar -C tree -cJf in/tree.tar.xz .
bsdtar -C tree --zstd -cf in/tree.tar.zst .
tar "${pax[@]}" -C tree -czf in/tree.tar.gz .

# --- lichen reads them, at each tier; and writes layers of its own ------------------------------------------
chmod -R a+rX in
for who in $LICHEN_TEST_USERS; do
    [ "$who" != random ] || continue
    home=$PWD/$who; mkdir "$home"
    uid=$(id -u "lichen-$who" 2>/dev/null || echo "$LICHEN_TEST_RANDOM_UID"); chown "$uid" "$home"
    LICHEN_TEST_TIER=$who LICHEN_TEST_USER=$who LICHEN_TEST_DIR=$home "$support/as-user" "$who" "$home" \
        bash "$LICHEN_TEST_STATE/work/integration/parts/archives_as_user.sh" "$PWD/in"

    # --- others read those -----------------------------------------------------------------------------------
    quiet skopeo copy "oci-archive:$who/image.tar" "oci:$who/layout:x"
    layers=$(skopeo inspect --raw "oci:$who/layout:x" | jq -r '.layers[-2:] | .[].digest | sub("sha256:"; "")')
    read -r added changed <<<"$(paste -sd' ' <<<"$layers")"
    mkdir "$who/gnu" "$who/bsd"
    quiet tar -C "$who/gnu" -xpf "$who/layout/blobs/sha256/$added" --numeric-owner --xattrs '--xattrs-include=*' --delay-directory-restore
    archives compare "$who/gnu/t" || { echo "FAILED: a layer of $who, read by GNU tar"; exit 1; }
    # libarchive normalises names to NFC, so that two become one, and tells of the one that is no UTF-8.
    LC_ALL=C.UTF-8 command bsdtar -C "$who/bsd" -xpf "$who/layout/blobs/sha256/$added" --numeric-owner 2>log || grep -q 'converted from UTF-8' log
    find "$who/bsd/t/names" \( -name $'\xc3\xa9' -o -name 'latin*' \) -delete; touch -d @1000000000 "$who/bsd/t/names"
    archives compare "$who/bsd/t" --without bytes,normal || { echo "FAILED: a layer of $who, read by bsdtar"; exit 1; }
    for reader in tar bsdtar; do
        $reader -tf "$who/layout/blobs/sha256/$changed" > listed
        grep -qx 't/d/.wh.empty' listed
    done
    quiet umoci unpack --image "$who/layout:x" "$who/umoci"
    archives compare "$who/umoci/rootfs/t" --change || { echo "FAILED: an image of $who, read by umoci"; exit 1; }
    container=$(buildah from "$(buildah pull -q "oci-archive:$who/image.tar")")
    archives compare "$(buildah mount "$container")/t" --change --without early || { echo "FAILED: an image of $who, read by buildah"; exit 1; }
    quiet podman "${store[@]}" load -i "$who/docker.tar"
    container=$(buildah from docker.io/library/ours:1)
    archives compare "$(buildah mount "$container")/t" --change --without early || { echo "FAILED: a docker archive of $who, read by podman"; exit 1; }
    quiet buildah rm -a; quiet buildah rmi -af
done
