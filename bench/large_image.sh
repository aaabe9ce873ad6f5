# large_image.sh - sourced by benchmarks: makes an image of about 1 GB with compilers and languages, once, and keeps it under a hash of
# all that went in. Sets large to a directory that has `layout`, three layers as lichen makes them, and `one`, the same in
# one layer of gzip -6. Takes apt: without a network it fails.
make_large_image() {
    local base proxy='' variable made=("$debian/index.json" "$top/bench/large_image.sh" "$here/oci_layout.py" "$top/bench/emulation.d/no_devices.py")
    large=$(cache_dir)/large-$(cat "${made[@]}" | sha256sum | cut -c 1-16)
    exec 9>"$(cache_dir)/lock"; flock 9
    if [ ! -e "$large/complete" ]; then
        say "a large image, a few minutes (kept in $large)"
        rm -rf "$(cache_dir)"/large-*; mkdir -p "$large" "$state/work/large"
        for variable in http_proxy https_proxy no_proxy; do [ -z "${!variable:-}" ] || proxy+=" --build-arg $variable"; done
        base=$(push_base "$debian" debian:base)
        printf '%s\n' "FROM $base" \
            'RUN apt-get update && apt-get install -y --no-install-recommends build-essential python3 git' \
            'RUN apt-get install -y --no-install-recommends nodejs npm' > "$state/work/large/Dockerfile"
        chmod -R a+rX "$state/work/large"
        as ids "lichen build --tier=ids --progress=plain$proxy -o type=oci,dest=\$HOME/o.tar -o type=tar,dest=\$HOME/t.tar large" ||
            { tail -n 20 "$state/log" >&2; die "no large image"; }
        mkdir "$large/layout"; tar -xf "$area/ids/o.tar" -C "$large/layout"
        python3 "$top/bench/emulation.d/no_devices.py" "$area/ids/t.tar" "$large/t.tar"
        python3 "$here/oci_layout.py" "$large/t.tar" "$large/one" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        rm "$large/t.tar"
        touch "$large/complete"
        wipe ids
    fi
    exec 9>&-
}
