#!/bin/bash
# users: ids userns random
# Images between registries, layouts, archives and the store: the digests that skopeo gives, each reads what
# the other wrote, and what is broken is refused and leaves nothing.
. "$(dirname "$0")/../support/lib.sh"
need skopeo
dockerfile <<'D'
FROM @TINY@
RUN echo 1 > /one
COPY two /
LABEL three=3
D
echo 2 > ctx/two
me=$TIER-$(id -u)  # two users have tier userns, and one registry
name=$REG/copy-$me:1
build -t "$name" --push ctx
raw() { skopeo inspect --tls-verify=false --raw "$1" | sha256sum | cut -d' ' -f1; }
sk() { skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "$@"; }
want=sha256:$(raw "docker://$name")

# --- every place, from every place -------------------------------------------------------------------
places=(oci:layout:x oci-archive:archive.tar:x "dir:$T/dir" "docker://$REG/copy-$me-other:1" store:kept:1)
from=docker://$name
for to in "${places[@]}"; do
    ok lichen copy "$from" "$to"
    same "$(<out)" "$want" "$to"
    case $to in
    store:*) ;;
    *)  sk "$from" "${to/layout/theirs}" 2>err || [[ $from = store:* || $to = oci-archive:* ]] || fail "skopeo: $to"
        same "sha256:$(raw "$to")" "$want" "$to, by skopeo" ;;
    esac
    from=$to
done
sk "docker://$name" oci-archive:theirs.tar:x; sk "docker://$name" "dir:$T/theirs.dir"; sk "docker://$name" oci:theirs2:x
for from in oci-archive:theirs.tar "dir:$T/theirs.dir" oci:theirs2:x oci:theirs2 store:kept:1; do
    ok lichen copy "$from" "oci:again-${from//[^a-z0-9]/-}"
    same "$(<out)" "$want" "$from"
done
ok lichen copy --digestfile digest "docker://$name" oci:layout:y
same "$(<digest)" "$want"
same "$(jq '.manifests | length' layout/index.json)" 2

# --- docker's archives: its own manifest, the same config and layers -----------------------------------
ok lichen copy "docker://$name" docker-archive:ours.tar:copied:1
sk "docker://$name" docker-archive:skopeo.tar:copied:1
for archive in ours.tar skopeo.tar; do
    same "$(skopeo inspect --config "docker-archive:$archive" | jq -c .rootfs)" \
        "$(skopeo inspect --tls-verify=false --config "docker://$name" | jq -c .rootfs)" "$archive"
    ok lichen load -i $archive
    has out '^Loaded image: copied:1$'
    same "$(lichen inspect copied:1 | jq -c '.[0].Config.Labels.three')" '"3"'
    lichen run --tier="$TIER" copied:1 cat /one /two > run.out
    same "$(paste -sd' ' run.out)" "1 2"
    lichen rmi copied:1 > rmi.out
done
gzip -k skopeo.tar; ok lichen load < skopeo.tar.gz
has out '^Loaded image: copied:1$'
ok lichen rmi copied:1  # it has the id that the built one has

# --- pull, push, save ----------------------------------------------------------------------------------
ok lichen pull "$name"; same "$(<out)" "$want"
ok lichen push "$name" "$REG/copy-$me-third:2"; same "$(<out)" "$want"
same "sha256:$(raw "docker://$REG/copy-$me-third:2")" "$want"
ok lichen tag "$name" "$REG/copy-$me-fourth"
ok lichen push -q "$REG/copy-$me-fourth"; same "$(<out)" "$want"
lichen save "$name" 2>err > saved.tar
skopeo inspect docker-archive:saved.tar > inspected
same "$(tar -xOf saved.tar manifest.json | jq -r '.[0].RepoTags[0]')" "$name"
id=$(lichen inspect "$name" | jq -r '.[0].Id[7:19]')
lichen save --format oci-archive -o by-id.tar "$id" 2>err
same "$(tar -xOf by-id.tar index.json | jq -r '.manifests[0].digest')" "$want"
ok lichen push --compression=zstd "$name" "$REG/copy-$me-zstd"
skopeo inspect --tls-verify=false --raw "docker://$REG/copy-$me-zstd" | jq -r '.layers[].mediaType' | sort -u > types
same "$(<types)" application/vnd.oci.image.layer.v1.tar+zstd
ok lichen pull "$REG/copy-$me-zstd"
lichen run --tier="$TIER" "$REG/copy-$me-zstd" cat /one > run.out; same "$(<run.out)" 1

# --- an index --------------------------------------------------------------------------------------------
printf 'FROM %s\nCOPY two /\n' scratch > ctx/Dockerfile
build --platform linux/amd64,linux/arm64 -t "$REG/copy-$me-multi:1" --push ctx
multi=docker://$REG/copy-$me-multi:1
index=sha256:$(raw "$multi")
ok lichen copy --all "$multi" oci:multi:1; same "$(<out)" "$index"
ok lichen copy -a oci:multi:1 "dir:$T/multi.dir"; same "$(<out)" "$index"
sk -a "dir:$T/multi.dir" oci:multi-theirs:1
same "sha256:$(raw oci:multi-theirs:1)" "$index"
ok lichen copy --platform linux/arm64 "$multi" oci:arm
skopeo inspect --config oci:arm | jq -r .architecture > architecture; same "$(<architecture)" arm64
ok lichen pull --all-platforms "$REG/copy-$me-multi:1"; same "$(<out)" "$index"
ok lichen push "$REG/copy-$me-multi:1" "$REG/copy-$me-multi:2"; same "sha256:$(raw "docker://$REG/copy-$me-multi:2")" "$index"

# --- what goes wrong ---------------------------------------------------------------------------------------
fails any lichen copy "docker://$REG/copy-$me:none" oci:none; has err 'none'
[ ! -e none/index.json ] || fail "an image that is not there has left a layout"
fails any lichen copy no-such-image oci:none; has err 'no image no-such-image in the store'
fails 4 lichen copy docker-daemon:x oci:y; has err 'not supported'
fails 2 lichen copy "docker://$name"
fails 2 lichen copy --compression=lzma "docker://$name" oci:y; has err 'uncompressed'
fails any lichen copy "docker://$name" "oci:$T/ctx"; has err 'has other things in it'
fails any lichen copy --preserve-digests --compression=zstd "docker://$name" oci:z; has err 'digest'
fails any lichen load -i ctx/two; has err 'ctx/two'
blob=$(find theirs2/blobs/sha256 -size +0 -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
printf x | dd of="$blob" bs=1 seek=20 conv=notrunc status=none
for to in oci:damaged oci-archive:damaged.tar "docker://$REG/copy-$me-damaged" "dir:$T/damaged.dir" damaged; do
    LICHEN_ROOT=$T/fresh fails any lichen copy oci:theirs2:x "$to"; has err 'damaged|digest'
done
[ ! -e damaged.tar ] || fail "a damaged archive is there"
LICHEN_ROOT=$T/fresh lichen images -q > images.out
[ ! -s images.out ] || fail "a damaged image is there"

# --- inspect, of any place -----------------------------------------------------------------------------------
lichen inspect --raw "docker://$name" > raw; same "sha256:$(sha256sum < raw | cut -d' ' -f1)" "$want"
for place in "$name" "docker://$name" oci:theirs oci-archive:theirs.tar "dir:$T/theirs.dir" docker-archive:skopeo.tar; do
    same "$(lichen inspect "$place" | jq -c '.[0].Config.Labels')" '{"three":"3"}' "$place"
    same "$(lichen inspect --config "$place" | jq -c .config.Labels)" '{"three":"3"}' "$place"
done
same "$(lichen inspect --platform linux/arm64 "$multi" | jq -r '.[0].Architecture')" arm64
same "$(lichen inspect "$multi" | jq '.[0].Manifests | length')" 2
fails any lichen inspect docker://127.0.0.1:1/none; has err '127.0.0.1:1'

# --- tags and delete ------------------------------------------------------------------------------------------
ok lichen copy "docker://$name" "docker://$REG/copy-$me-many:a"; ok lichen copy "$multi" "docker://$REG/copy-$me-many:b"
ok lichen tags "$REG/copy-$me-many"; same "$(sort out | paste -sd' ')" "a b"  # docker-registry has them in no order
fails any lichen delete "$REG/copy-$me-many"; has err 'neither tag nor digest'
ok lichen delete "$REG/copy-$me-many:a"; same "$(<out)" "Deleted: $want"
ok lichen tags "docker://$REG/copy-$me-many"; same "$(<out)" b
fails any lichen copy "docker://$REG/copy-$me-many:a" oci:gone; has err 'not found'
fails any lichen tags "$REG/copy-$me-none"
