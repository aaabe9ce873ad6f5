# images.sh - sourced by bench/emulation: makes the images plain and tools (see Dockerfile) with lichen, once, and
# keeps them under a hash of all that went in. Sets cached, which then has NAME.tar, a root file system, and NAME,
# an OCI layout of it, one layer, tag `base`.
#
# They have no device nodes, as images for containers have none and mmdebstrap's have: the peers' user could not unpack
# them, and for some lichen watches stat and open at tier ids, too (decision 11), which then were no measure.
make_images() {
    local image variable proxy='' base made
    made=("$debian/index.json" "$scripts/Dockerfile" "$scripts/download.sh" "$scripts/images.sh" "$scripts/no_devices.py" "$here/oci_layout.py")
    cached=$(cache_dir)/emulation-$(cat "${made[@]}" | sha256sum | cut -c 1-16)
    exec 9>"$(cache_dir)/lock"; flock 9
    if [ ! -e "$cached/complete" ]; then
        say "images for the workloads, a few minutes (kept in $cached)"
        rm -rf "$(cache_dir)"/emulation-*; mkdir -p "$cached"
        for variable in http_proxy https_proxy no_proxy; do [ -z "${!variable:-}" ] || proxy+=" --build-arg $variable"; done
        base=$(push_base "$debian" debian:base)
        for image in plain tools; do
            as ids "lichen build --tier=ids --progress=plain --build-arg BASE=$base$proxy --target $image -o type=tar,dest=\$HOME/o.tar bench/emulation.d" ||
                { tail -n 20 "$state/log" >&2; die "no image $image"; }
            python3 "$scripts/no_devices.py" "$area/ids/o.tar" "$cached/$image.tar"
            python3 "$here/oci_layout.py" "$cached/$image.tar" "$cached/$image" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        done
        touch "$cached/complete"
        wipe ids
    fi
    exec 9>&-
}
