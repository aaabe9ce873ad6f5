#!/bin/bash
# users: harness
# cost: 300
# examples/nginx at ids, userns and bare, each in an empty store: the same image, entry by entry; the
# final tree is also what buildah makes as root. skopeo, umoci and runc read it, and nginx runs.
set -euo pipefail
cd "$LICHEN_TEST_DIR"
support=$LICHEN_TEST_STATE/work/support
build() { # TIER: nginx-TIER.tar, built by the user of that tier
    local owner=lichen-$1:
    [ "$1" != bare ] || owner=$LICHEN_TEST_RANDOM_UID
    mkdir -p "$1"; [ "$(id -u)" != 0 ] || chown "$owner" "$1"
    LICHEN_TEST_TIER=$1 LICHEN_TEST_USER=$1 LICHEN_TEST_DIR=$PWD/$1 "$support/as-user" "$1" "$PWD/$1" \
        bash "$LICHEN_TEST_STATE/work/integration/parts/nginx_as_user.sh"
}
tiers=()
for tier in ids userns bare; do
    case " $LICHEN_TEST_USERS " in *" $tier "*) build $tier; tiers+=("$tier") ;; esac
done
[ ${#tiers[@]} != 0 ] || { echo "SKIP: no tier works here; lichen doctor says why"; exit 77; }
exempt=$support/exempt-nginx.txt
first=${tiers[0]}
for tier in "${tiers[@]:1}"; do
    echo "== $first and $tier"
    "$support/compare_images.py" --exempt "$exempt" "$first/nginx.tar" "$tier/nginx.tar"
done
# What makes this example worth its time is in the image: a file capability, and a setgid program.
/usr/bin/python3 - "${tiers[@]/%//nginx.tar}" <<'P'
import os, sys; sys.path.insert(0, os.environ["LICHEN_TEST_STATE"] + "/work/support")
from compare_images import Image
for path in sys.argv[1:]:
    tree = Image(path).tree()
    ping = tree.get("bin/ping") or tree["usr/bin/ping"]
    assert "security.capability" in ping["xattrs"], (path, ping)
    assert tree["usr/bin/chage"]["mode"] == "2755" and tree["usr/bin/chage"]["gid"] == 42, path
    assert tree["srv/site/index.html"]["uid"] == tree["run/web"]["uid"] != 0, path
P
[ "$(id -u)" = 0 ] || { echo "compared with no other builder: buildah --isolation chroot wants root"; exit 0; }
echo "== $first and buildah as root"
store=(--root "$PWD/b" --runroot "$PWD/br" --storage-driver overlay)
proxy=(); for name in http_proxy https_proxy no_proxy; do [ -z "${!name:-}" ] || proxy+=(--build-arg "$name"); done
buildah "${store[@]}" bud -q --isolation chroot --network host --tls-verify=false --layers=false --format oci "${proxy[@]}" \
    --build-arg BASE="$LICHEN_TEST_DEBIAN" -t nginx "$LICHEN_TEST_STATE/work/examples/nginx" > buildah.log 2>&1 || { tail -n 30 buildah.log; exit 1; }
buildah "${store[@]}" push -q nginx oci-archive:buildah.tar
buildah "${store[@]}" rm -a >/dev/null; buildah "${store[@]}" rmi -a >/dev/null
"$support/compare_images.py" --flat --exempt "$exempt" --exempt "$support/exempt-buildah.txt" "$first/nginx.tar" buildah.tar
