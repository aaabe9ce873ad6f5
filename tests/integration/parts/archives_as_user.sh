# archives_as_user.sh IN - what archives_of_others.sh runs as each user: reads the images of IN/list, and makes some.
. "$LICHEN_TEST_STATE/work/support/lib.sh"
compare() { python3 "$SUPPORT/archives.py" compare "$@" || fail "$name, tier $TIER: compare $*"; }
while read -r name place without change; do
    flags=(--without "${without/none/}"); [ "$change" = - ] || flags+=("$change")
    printf 'FROM m\n' > ctx/Dockerfile
    context=(--build-context "m=oci-layout://$1/$place")
    if [ "$place" = docker-archive ]; then
        ok lichen load -i "$1/$name.tar"
        printf 'FROM %s:1\n' "$name" > ctx/Dockerfile; context=()
    fi
    build "${context[@]}" -o type=tar,dest=back.tar ctx
    compare back.tar "${flags[@]}"
done < "$1/list"
cp "$1"/tree.tar.* ctx/
cat > ctx/Dockerfile <<'D'
FROM scratch
ADD tree.tar.bz2 /bz2
ADD tree.tar.xz /xz
ADD tree.tar.zst /zst
ADD tree.tar.gz /gz
D
build -o type=tar,dest=back.tar ctx
for name in bz2 xz zst gz; do compare back.tar --in $name; done
cat > ctx/Dockerfile <<'D'
FROM base
ADD tree.tar.gz /t
RUN cd /t && rm -r d/sub d/empty z-hard o && echo 'now a file' > d/sub && mkdir o && echo new > o/new
D
name=own
build --build-context "base=oci-layout://$TINY_LAYOUT:base" -t ours:1 -o type=oci,dest=image.tar -o type=docker,dest=docker.tar ctx
