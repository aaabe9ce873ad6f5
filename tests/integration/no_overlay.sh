#!/bin/bash
# users: ids userns
# Without overlayfs: layers are copied instead, and images are the same, for steps, COPY and several stages.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p ctx/d/e; echo one > ctx/d/f; echo two > ctx/d/e/g
dockerfile <<'D'
FROM @TINY@ AS first
RUN mkdir -p /a/b /c && echo 1 > /a/f && echo 2 > /a/b/g && ln /a/f /a/hard && ln -s f /a/soft && mkfifo /a/fifo && chown 7:8 /a/f /c && chmod 2755 /c
RUN rm /a/f && echo more >> /a/b/g && rm -r /c && mkdir /c && echo 3 > /c/new && chown 9 /a/soft -h
COPY --chown=5:6 d /a/d
COPY d/f /c/new
COPY --link --chown=5:6 d /c/linked
RUN chown 3:4 /a && mv /a/b /a/moved && cat /etc/resolv.conf >/dev/null
FROM @TINY@
COPY --from=first /a /from
RUN test "$(stat -c %u:%g /from/soft)" = 0:0 || stat -c %u:%g /from/soft; echo end > /end
D
export SOURCE_DATE_EPOCH=1700000000
build -o type=oci,dest=with.tar -t with ctx
build --target first -o type=oci,dest=first-with.tar ctx
LICHEN_OVERLAY=off build --root "$T/copies" -o type=oci,dest=without.tar ctx
LICHEN_OVERLAY=off build --root "$T/copies" --target first -o type=oci,dest=first-without.tar ctx
python3 "$SUPPORT/compare_images.py" --digest with.tar without.tar
python3 "$SUPPORT/compare_images.py" --digest first-with.tar first-without.tar
LICHEN_OVERLAY=off ok run --root "$T/copies" "$TINY" sh -c 'echo x > /x; cat /x'; same "$(<out)" x
ok lichen debug fsck --root "$T/copies"
[ -z "$(ls -A "$T/copies/tmp"; find "$T/copies/snapshots" -maxdepth 3 -name tree)" ] || fail "copies are left"
# On a file system without user.* attributes (ramfs; nested, for it to be mounted), without being asked to.
mkdir ram
map=(--map-root-user); [ "$TIER" != ids ] || map+=(--map-auto)
ok unshare --user "${map[@]}" --mount bash -c 'mount -t ramfs none ram && lichen build --tier="$1" --root ram/store -o type=oci,dest=ram.tar ctx &&
    lichen build --tier="$1" --root ram/store --target first -o type=oci,dest=first-ram.tar ctx && lichen debug fsck --root ram/store' sh "$TIER"
python3 "$SUPPORT/compare_images.py" --digest with.tar ram.tar
python3 "$SUPPORT/compare_images.py" --digest first-with.tar first-ram.tar
# A store with copies is one like any other.
run --root "$T/copies" "$TINY" true
[ "$TIER" = ids ] && unshare --user --map-root-user --map-auto rm -rf "$T/copies" || rm -rf "$T/copies"
