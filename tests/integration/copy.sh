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

# --- several images in one archive -----------------------------------------------------------------------
printf 'FROM scratch\nCOPY two /\n' > ctx/Dockerfile
build -t small:1 ctx
ok lichen save -o several.tar small:1 "$name" kept:1
same "$(tar -xOf several.tar manifest.json | jq -c '[.[].RepoTags | length]')" '[1,2]'  # two of the three are one image
same "$(tar -tf several.tar | sort | uniq -d)" "" "files that are twice in the archive"
for one in small:1 kept:1; do
    sk "docker-archive:several.tar:docker.io/library/$one" oci:of-several:x
    same "$(skopeo inspect --config oci:of-several:x | jq -c .rootfs)" "$(lichen inspect --config "$one" | jq -c .rootfs)" "$one"
done
lichen save small:1 "$name" > several2.tar 2>err
LICHEN_ROOT=$T/several ok lichen load -i several.tar
same "$(sort out | grep -c '^Loaded image: ')" 3
has out '^Loaded image: small:1$'; has out '^Loaded image: kept:1$'
LICHEN_ROOT=$T/several ok lichen load < several2.tar
ok lichen save --format oci-archive -o several-oci.tar small:1 "$name"
same "$(tar -xOf several-oci.tar index.json | jq '.manifests | length')" 2
LICHEN_ROOT=$T/several2 ok lichen load -i several-oci.tar
same "$(LICHEN_ROOT=$T/several2 lichen images -q | wc -l)" 2
fails any lichen save -o none.tar small:1 no-such-image; has err 'no image no-such-image'
[ ! -e none.tar ] || fail "an archive that lacks an image is there"
fails any lichen save --format docker-dir -o several.dir small:1 kept:1; has err 'one image'

# --- docker's schema 2: kept where it may be, OCI where a layout is wanted, with skopeo's bytes ------------
skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --format v2s2 "docker://$name" "docker://$REG/copy-$me-v2:1"
sk --format v2s2 "docker://$name" dir:v2.dir
python3 "$SUPPORT/schema2.py" v2.dir  # a config with all that docker writes, and a list of two images
sk dir:v2.dir "docker://$REG/copy-$me-v2:rich"; sk -a dir:v2.dir.list "docker://$REG/copy-$me-v2:list"
for tag in 1 rich list; do
    v2=docker://$REG/copy-$me-v2:$tag
    rm -rf v2.oci v2.theirs v2.kept v2.theirs-kept
    all=(); [ $tag != list ] || all=(--all)
    sk "${all[@]}" "$v2" oci:v2.theirs:x
    ok lichen copy "${all[@]}" "$v2" oci:v2.oci:x
    same "$(<out)" "sha256:$(raw oci:v2.theirs:x)" "$tag"
    same "$(find v2.oci/blobs -type f -printf '%f %s\n' | sort)" "$(find v2.theirs/blobs -type f -printf '%f %s\n' | sort)" "blobs of $tag"
    ok lichen copy "${all[@]}" "$v2" oci-archive:v2.tar:x; same "sha256:$(raw oci-archive:v2.tar:x)" "sha256:$(raw oci:v2.theirs:x)" "$tag"
    ok lichen copy "${all[@]}" --preserve-digests "$v2" oci:v2.kept:x
    same "$(<out)" "sha256:$(raw "$v2")" "$tag, kept"
    for to in dir:$T/v2.dir2 "docker://$REG/copy-$me-v2:other" "v2:$tag"; do
        ok lichen copy "${all[@]}" "$v2" "$to"; same "$(<out)" "sha256:$(raw "$v2")" "$to"
    done
done
ok lichen copy --compression=zstd "docker://$REG/copy-$me-v2:rich" oci:v2.zstd:x
same "$(skopeo inspect --raw oci:v2.zstd:x | jq -r '.layers[].mediaType' | sort -u)" application/vnd.oci.image.layer.v1.tar+zstd

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
