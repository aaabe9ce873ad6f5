#!/bin/bash
# users: ids userns bare
# --platform: an index of images, or one image for another machine, in every kind of output; no step of another machine runs.
. "$(dirname "$0")/../support/lib.sh"
both=linux/arm64,linux/amd64
manifest() { jq -er --arg a "$1" '.manifests[] | select(.platform.architecture == $a).digest' "$2"; }

# A base image for both, pushed as an index. What one platform alone copies is its own.
for arch in amd64 arm64; do echo "I am $arch" > "ctx/$arch"; done
dockerfile <<'D'
FROM scratch
ARG TARGETARCH
COPY $TARGETARCH /arch
LABEL for=$TARGETARCH
CMD ["/arch"]
D
base=$REG/two-$LICHEN_TEST_USER:1
build --platform $both -t "$base" --push --metadata-file meta.json --iidfile iid ctx
has err '\[linux/arm64 1/1\] COPY arm64 /arch'
skopeo inspect --tls-verify=false --raw "docker://$base" > index.json
same "$(jq -r '[.manifests[].platform | .os + "/" + .architecture] | join(",")' index.json)" "$both"
same "$(jq -r .mediaType index.json)" application/vnd.oci.image.index.v1+json
same "$(<iid)" "$(jq -r '."containerimage.digest"' meta.json)"
same "$(<iid)" "sha256:$(sha256sum < index.json | cut -d' ' -f1)"
same "$(jq -r '."containerimage.descriptor".mediaType' meta.json)" application/vnd.oci.image.index.v1+json
same "$(jq -r '."containerimage.config.digest"' meta.json)" null
skopeo inspect --tls-verify=false --override-arch arm64 --config "docker://$base" > config.json
same "$(jq -r '.architecture + " " + .config.Labels.for' config.json)" "arm64 arm64"

# Another machine's image alone: its own base is chosen, and there is no index. Once more, all is cached.
dockerfile <<D
FROM $base
COPY amd64 /more
D
build --platform linux/arm64 -o one ctx
same "$(<one/arch)" "I am arm64"
build --platform linux/arm64 -t one --metadata-file meta.json ctx
same "$(jq -r '."containerimage.descriptor".mediaType' meta.json)" application/vnd.oci.image.manifest.v1+json
same "$(cached)" 1
same "$(lichen inspect one | jq -r '.[0].Architecture')" arm64
fails any lichen_build --platform linux/s390x ctx; has err 'no image for platform linux/s390x'; has err 'linux/arm64, linux/amd64'

# A stage of the build's own platform runs once for each target, and what asks for none runs once for all.
dockerfile <<D
FROM --platform=\$BUILDPLATFORM @TINY@ AS tools
RUN echo tools > /tools
FROM --platform=\$BUILDPLATFORM tools AS cross
ARG TARGETARCH
RUN echo "for \$TARGETARCH by \$(uname -m)" > /made
FROM $base
COPY --from=cross /made /tools /
D
sed -i "s|@TINY@|$TINY|" ctx/Dockerfile
build --platform $both -t app -o type=image -o trees -o type=tar,dest=trees.tar -o type=oci,dest=app.oci ctx
same "$(grep -c '\] RUN echo tools' err)" 1 "runs of the common step"
has err '\[linux/amd64->arm64 cross 1/1\] RUN'; has err '\[linux/amd64 cross 1/1\] RUN'
for arch in amd64 arm64; do
    same "$(<trees/linux_$arch/made)" "for $arch by $(uname -m)"
    same "$(tar -xOf trees.tar linux_$arch/arch)" "I am $arch"
done
mkdir oci; tar -C oci -xf app.oci
digest=$(jq -r '.manifests[0].digest' oci/index.json); index=oci/blobs/sha256/${digest#sha256:}
arm=$(manifest arm64 "$index")
same "$(jq -r '.layers | length' "oci/blobs/sha256/${arm#sha256:}")" 2
skopeo copy -q --override-arch arm64 oci:oci "dir:$T/arm"
same "sha256:$(sha256sum < arm/manifest.json | cut -d' ' -f1)" "$arm"

# The image is one name in the store. It is a base and an image to look at; built again it is the same.
same "$(lichen images app --json | jq -r '.[0].platforms | join(",")')" "$both"
same "$(lichen images -q --no-trunc app)" "$digest"
same "$(lichen inspect app | jq -r '.[0].Architecture + " " + (.[0].Manifests | length | tostring)')" "amd64 2"
ok lichen history app; has out 'COPY /made'
lichen tag app other
build --platform $both -t app --metadata-file meta.json ctx
same "$(jq -r '."containerimage.digest"' meta.json)" "$digest"
printf 'FROM other\n' > ctx/Dockerfile
build --platform linux/arm64 -o again ctx
same "$(<again/arch)" "I am arm64"
fails any lichen_build --platform linux/riscv64 ctx; has err 'no image for platform linux/riscv64'
# A layout directory with an index is a base, too.
printf 'FROM layout\n' > ctx/Dockerfile
build --build-context "layout=oci-layout://$T/oci" --platform linux/arm64 -o layout ctx
same "$(<layout/arch)" "I am arm64"

# `run` takes this machine's.
printf 'FROM %s\nARG TARGETARCH\nCOPY $TARGETARCH /arch\nENV %s\n' "$TINY" 'word value' > ctx/Dockerfile
build --platform $both -t mine ctx
ok run mine cat /arch; has out 'I am amd64'

# What lint finds for both is told once; what differs is told of each.
ok lichen_build --platform $both --progress=plain ctx
same "$(grep -c 'warning: LegacyKeyValueFormat' err)" 1 warnings
has err '^ 2 warnings found'; has err 'InvalidBaseImagePlatform.*expected "linux/arm64"'

# Twice the same is once. Docker's media types make a manifest list; BUILDKIT_MULTI_PLATFORM an index of one.
build --platform linux/arm64,linux/aarch64 -o single ctx
same "$(<single/arch)" "I am arm64"
build --platform $both -o type=oci,oci-mediatypes=false,tar=false,dest=docker ctx
same "$(jq -r '.manifests[0].mediaType' docker/index.json)" application/vnd.docker.distribution.manifest.list.v2+json
build --build-arg BUILDKIT_MULTI_PLATFORM=1 -o forced ctx
same "$(<forced/linux_amd64/arch)" "I am amd64"
build -o type=local,dest=split,platform-split=true ctx
same "$(<split/linux_amd64/arch)" "I am amd64"

# All in one place, where no file stands in another's way.
printf 'FROM scratch\nARG TARGETARCH\nCOPY amd64 /both/$TARGETARCH/f\n' > ctx/apart
build --platform $both -f ctx/apart -o type=local,dest=mixed,platform-split=false ctx
same "$(cd mixed && find . -type f | sort | tr '\n' ' ')" './both/amd64/f ./both/arm64/f '
build --platform $both -f ctx/apart -o type=tar,dest=mixed.tar,platform-split=false ctx
same "$(tar -tf mixed.tar | grep -v '/$' | sort | tr '\n' ' ')" 'both/amd64/f both/arm64/f '

# What cannot be is said before anything runs.
fails any lichen_build --platform $both -o type=docker,dest=x.tar ctx
has err 'docker exporter does not currently support exporting manifest lists'
fails any lichen_build --platform $both -o type=local,dest=x,platform-split=false ctx
has err 'cannot overwrite /(arch|bin/busybox) from linux/(arm64 with linux/amd64|amd64 with linux/arm64) when split option is disabled'
same "$(ls x)" ""; rmdir x
fails any lichen_build --build-arg BUILDKIT_MULTI_PLATFORM=0 --platform $both ctx
has err 'returning multiple target platforms is not allowed'
fails 2 lichen_build --platform linux/amd64,linux/ ctx; has err 'invalid platform'
[ ! -e x ] && [ ! -e x.tar ] || fail "an output is there"
ok lichen rmi app other mine one
ok lichen images app; hasnt out '^app'
