#!/bin/bash
# users: ids userns
# In an unprivileged container that masks /proc, where no new /proc can be mounted: the same image as
# outside, and nothing outlives its step, daemons and the orphans of a killed lichen included.
. "$(dirname "$0")/../support/lib.sh"
need unshare
dockerfile <<'D'
FROM @TINY@
RUN test "$(cat /proc/$$/comm)" = sh && test -r /proc/self/status && ls -d /proc/[0-9]* >/dev/null
RUN (setsid sleep 4711 </dev/null >/dev/null 2>&1 &); setsid setsid sh -c 'trap "" TERM HUP; sleep 4712 & sleep 4713 & wait' & echo started
RUN mkdir -p /a/b && chown 7:8 /a && ln -s b /a/c
D
cat > container <<'S'
set -eu
for file in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $file ] || mount --bind /dev/null $file; done
for dir in /proc/acpi /proc/scsi; do [ ! -d $dir ] || mount -t tmpfs -o ro,size=4k none $dir; done
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
exec "$@"
S
map=(--map-root-user); [ "$TIER" != ids ] || map+=(--map-auto)
inside() { unshare --user "${map[@]}" --mount --pid --fork --mount-proc --kill-child sh "$T/container" "$@"; }
cat > sleepers <<'S'
sleepers() { for file in /proc/[0-9]*/cmdline; do tr '\0' ' ' < $file 2>/dev/null; echo; done | grep -c '^sleep 471' || true; }
S
export SOURCE_DATE_EPOCH=1700000000

# Such a container really refuses one.
! inside unshare --user --map-root-user --pid --fork --mount sh -c 'mount -t proc none /proc' 2>/dev/null || fail "a new /proc can be mounted"
ok inside lichen doctor; has out 'a fresh /proc: mount'

ok inside bash -c "lichen build --tier=$TIER --progress=plain --root=$T/inside -o type=oci,dest=$T/inside.tar ctx; . $T/sleepers; sleepers >&3" 3>left
same "$(<left)" 0 "processes that outlived their step"
build --no-cache -o type=oci,dest=outside.tar ctx
same "$(tar -xOf inside.tar index.json)" "$(tar -xOf outside.tar index.json)" images
ok inside rm -rf "$T/inside"

# SIGKILL of lichen itself, in the middle of a step that has left its session.
cat > killed <<'S'
. ./sleepers
lichen run --tier="$1" --root="$2" "$3" sh -c '(setsid sleep 4714 </dev/null >/dev/null 2>&1 &); echo up; sleep 4715' > "$4" &
until grep -q up "$4"; do sleep 0.05; done
[ "$(sleepers)" = 2 ] || echo "expected 2 sleepers, not $(sleepers)"
kill -KILL $!; wait $! 2>/dev/null
for try in $(seq 100); do [ "$(sleepers)" != 0 ] || break; sleep 0.05; done
echo "left: $(sleepers)"
S
ok inside bash killed "$TIER" "$T/inside" "$TINY" "$T/up"
same "$(<out)" "left: 0"
ok inside rm -rf "$T/inside"
