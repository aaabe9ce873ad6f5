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
# force-compression is for the layers of the base image, too: the same tars, the same blobs each time.
manifest_of() { tar -xOf "$1" "blobs/sha256/$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest[7:]')"; }
diff_ids() { tar -xOf "$1" "blobs/sha256/$(manifest_of "$1" | jq -r '.config.digest[7:]')" | jq -c .rootfs.diff_ids; }
for n in 1 2; do build -o type=oci,dest=forced-$n.tar,compression=zstd,force-compression=true ctx; done
same "$(manifest_of forced-1.tar | jq -r '.layers[].mediaType' | sort -u)" application/vnd.oci.image.layer.v1.tar+zstd
[ "$(manifest_of zstd.tar | jq -r '.layers[0].mediaType')" != application/vnd.oci.image.layer.v1.tar+zstd ] || fail "the base was of that kind before"
same "$(diff_ids forced-1.tar)" "$(diff_ids zstd.tar)"
same "$(manifest_of forced-1.tar)" "$(manifest_of forced-2.tar)"
mkdir forced; tar -C forced -xf forced-1.tar
printf 'FROM base\nRUN cat /o > /again\n' > ctx/again
LICHEN_ROOT=$T/other build --build-context "base=oci-layout://$T/forced" -f ctx/again -o again ctx
same "$(<again/again)" out
build -o type=oci,dest=after.tar ctx; same "$(manifest_of after.tar | jq -c .layers)" "$(manifest_of oci.tar | jq -c .layers)"
# Nowhere: the step runs, is remembered, and makes neither image nor layer.
LICHEN_ROOT=$T/only build -t only:1 -o type=cacheonly ctx; [ ! -s out ] || fail "standard output is not empty"
same "$(LICHEN_ROOT=$T/only lichen images -q | wc -l)" 0
LICHEN_ROOT=$T/only build -o type=cacheonly ctx; same "$(cached)" 1
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
