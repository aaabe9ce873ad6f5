#!/bin/bash
# users: ids userns bare
# -o oci, docker, tar, local, DIR and -; results alone on standard output; what others read of them.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo out > /o && chown 33:33 /o\nCMD ["cat","/o"]\n' "$TINY" > ctx/Dockerfile
build -t named:1 -o type=oci,dest=oci.tar ctx
[ ! -s out ] || fail "standard output is not empty"
build -t named:1 -o type=docker,dest=docker.tar ctx
build -o type=tar,dest=rootfs.tar ctx
build -o type=local,dest=dir1 ctx; build -o dir2 ctx
lichen_build -o - ctx > stream.tar 2>err
same "$(<dir1/o)" out; same "$(<dir2/o)" out
for file in rootfs.tar stream.tar; do
    tar --numeric-owner -tvf $file | grep -E ' 33/33 .* (\./)?o$' >/dev/null || fail "$file: no /o of 33"
done
# Another compression, and other times, are made anew although the step is cached.
build -o type=oci,dest=zstd.tar,compression=zstd ctx
tar -xOf zstd.tar index.json >/dev/null
types() { tar -xOf "$1" "blobs/sha256/$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest[7:]')" | jq -r '.layers[-1].mediaType'; }
same "$(types oci.tar)" application/vnd.oci.image.layer.v1.tar+gzip
same "$(types zstd.tar)" application/vnd.oci.image.layer.v1.tar+zstd
for rewrite in true false; do
    SOURCE_DATE_EPOCH=1000000000 build -o "type=oci,dest=dated-$rewrite.tar,rewrite-timestamp=$rewrite" ctx
    same "$(cached)" 1
done
newest() { # of the last layer's files
    local blob; blob=$(tar -xOf "$1" "blobs/sha256/$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest[7:]')" | jq -r '.layers[-1].digest[7:]')
    tar -xOf "$1" "blobs/sha256/$blob" | tar -tvz --utc --full-time | awk '{print $4}' | sort | tail -n 1
}
same "$(newest dated-true.tar)" 2001-09-09
[ "$(newest dated-false.tar)" != 2001-09-09 ] || fail "rewrite-timestamp=false rewrites"
need skopeo
skopeo inspect --config oci-archive:oci.tar | jq -e '.config.Cmd == ["cat","/o"]' >/dev/null
skopeo inspect docker-archive:docker.tar >/dev/null
skopeo copy -q docker-archive:docker.tar oci:from-docker:x
tar -xOf docker.tar manifest.json | jq -e '.[0].RepoTags | length == 1' >/dev/null
need umoci
skopeo copy -q oci-archive:oci.tar oci:layout:x
umoci unpack --rootless --image layout:x bundle 2>umoci.log || { cat umoci.log; fail "umoci does not unpack it"; }
same "$(<bundle/rootfs/o)" out
chmod -R u+rwX bundle
