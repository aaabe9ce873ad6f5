# peers.sh - sourced by bench/run: how each builder does a workload's parts, in the folder of participant $who.
#   NAME_image W    builds context W and exports an OCI archive    NAME_export W COMPRESSION   exports what was built
#   NAME_build W    builds it, exports nothing                     NAME_push W REPOSITORY      sends it to the registry
#   NAME_keep W     builds it, the image stays in the builder's own store, as the peers' _build has it anyway
#   NAME_pull W IMAGE   pulls and unpacks an image
# What a builder cannot do is `false`, with the reason in the log.
cannot() { echo "$*" > "$state/log"; false; }

# `build` makes no layer's blob: that is what an export is for. `tier` is set.
lichen() { as "$(user_of $who)" "lichen $*" "$who"; }
lichen_image() { lichen "build -q --tier=$tier -o type=oci,dest=\$HOME/o.tar $1"; }
lichen_build() { lichen "build -q --tier=$tier -o type=cacheonly $1"; }
lichen_keep() { lichen "build -q --tier=$tier -t t $1"; }
lichen_export() { lichen "build -q --tier=$tier -o type=oci,dest=\$HOME/o.tar,compression=$2,force-compression=true $1"; }
lichen_push() { lichen "build -q --tier=$tier --push -t $REG/$2 $1"; }
lichen_pull() { lichen_build "$1"; }

# The two containers/storage builders differ in words only. `layers` and `jobs` are set.
storage() { as ids "$1 --root \$HOME/b --runroot \$HOME/br --storage-driver overlay $2" "$who"; }
buildah_build() { storage buildah "bud -q --isolation chroot --network host --tls-verify=false --layers=$layers --jobs $jobs -t t $1"; }
buildah_keep() { buildah_build "$1"; }
buildah_export() { storage buildah "push -q --compression-format $2 t oci-archive:\$HOME/o.tar"; }
buildah_image() { buildah_build "$1" && buildah_export "$1" gzip; }
buildah_push() { storage buildah "push -q --tls-verify=false t docker://$REG/$2"; }
buildah_pull() { storage buildah "pull -q --tls-verify=false docker://$REG/$2"; }
podman_storage() { storage podman "--runtime runc --cgroup-manager cgroupfs $*"; }
podman_build() { podman_storage "build -q --isolation chroot --network host --tls-verify=false --layers=$layers --jobs $jobs -t t $1"; }
podman_keep() { podman_build "$1"; }
podman_export() { podman_storage "push -q --compression-format $2 t oci-archive:\$HOME/o.tar"; }
podman_image() { podman_build "$1" && podman_export "$1" gzip; }
podman_push() { podman_storage "push -q --tls-verify=false t docker://$REG/$2"; }
podman_pull() { podman_storage "pull -q --tls-verify=false docker://$REG/$2"; }

# umoci has no Dockerfiles: skopeo pulls, umoci unpacks (one id), runc runs, umoci packs.
umoci_pull() { as ids "cd && skopeo copy -q --src-tls-verify=false docker://$REG/$2 oci:img:t && umoci unpack --rootless --image img:t b" "$who"; }
umoci_run() { # FILE: a script
    as ids 'cd && jq --arg script "$(cat '"$1"')" ".process.args=[\"sh\",\"-c\",\$script] | .process.terminal=false | .root.readonly=false
            | .linux.namespaces|=map(select(.type!=\"network\"))" b/config.json > c.json && mv c.json b/config.json &&
        runc --root rc run -b b bench$$ && umoci repack --image img:t b' "$who"
}
umoci_build() {
    case $1 in
    w1) umoci_pull "$1" debian:base ;;
    w5) { echo 'cat > /gen.pl << "PERL"'; cat "$state/work/w5/gen.pl"; echo PERL; echo 'perl /gen.pl'; } > "$state/work/umoci.w5"
        chmod a+r "$state/work/umoci.w5"; umoci_run "$state/work/umoci.w5" ;;
    *) cannot "umoci has no Dockerfiles" ;;
    esac
}
umoci_keep() { umoci_build "$1"; }
umoci_export() {
    [ "$2" = gzip ] || { cannot "umoci packs with gzip"; return; }
    as ids "cd && skopeo copy -q oci:img:t oci-archive:o.tar" "$who"
}
umoci_image() { umoci_build "$1" && echo true > "$state/work/umoci.w1" && chmod a+r "$state/work/umoci.w1" && umoci_run "$state/work/umoci.w1" && umoci_export "$1" gzip; }
umoci_push() { as ids "cd && skopeo copy -q --dest-tls-verify=false oci:img:t docker://$REG/$2" "$who"; }

# Charliecloud: one id, https only, where a REQUESTS_CA_BUNDLE undoes --tls-no-verify; it keeps its cache in git, which wants a name, and flattens what it exports.
ch_image() { as ids "REQUESTS_CA_BUNDLE=$state/cert.pem GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x CH_IMAGE_STORAGE=\$HOME/ch ch-image --tls-no-verify $*" "$who"; }
ch_image_build() {
    sed "s|$REG|$TLSREG|" "$state/work/$1/Dockerfile" > "$state/work/ch-image.$1"; chmod a+r "$state/work/ch-image.$1"
    ch_image "build --force -t t -f ../work/ch-image.$1 $1"
}
ch_image_keep() { ch_image_build "$1"; }
ch_image_export() {
    [ "$2" = gzip ] || { cannot "ch-convert compresses with gzip"; return; }
    as ids "cd && CH_IMAGE_STORAGE=\$HOME/ch ch-convert -i ch-image -o tar t o.tar.gz" "$who"
}
ch_image_image() { ch_image_build "$1" && ch_image_export "$1" gzip; }
ch_image_push() { ch_image "push t $TLSREG/$2"; }
ch_image_pull() { ch_image "pull $TLSREG/$2"; }
