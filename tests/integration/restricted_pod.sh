#!/bin/bash
# users: harness
# tests/support/restricted-pod is what it says: what works for the same user outside fails inside, through
# runc and by hand alike. Other tests build in it, and prove something only because of this one.
set -euo pipefail
cd "$LICHEN_TEST_DIR"
support=$LICHEN_TEST_STATE/work/support parts=$LICHEN_TEST_STATE/work/integration/parts
pod=$support/restricted-pod
[ -n "$LICHEN_TEST_POD_PROFILE" ] || { echo "SKIP: no seccomp profile: the package cannot be downloaded"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }
is() { grep -qxF -- "$2" "$1" || { cat "$1"; fail "no line '$2' in $1"; }; }
outside() { "$support/as-user" random "$PWD" "$@"; }
export LICHEN_TEST_RANDOM_UID LICHEN_POD_WORK=$PWD/pods
mkdir -m 777 rw; mkdir pods

outside /usr/bin/python3 "$parts/pod_probe.py" > outside
grep -qxF 'unshare(user) ok' outside || echo "note: no user namespaces outside the pod either"
is outside 'personality(no random) ok'

inside() { # HOW: the answers in files
    "$pod" --how "$1" --rw "$PWD/rw" -- /usr/bin/python3 "$parts/pod_probe.py" > "probe.$1"
    "$pod" --how "$1" --rw "$PWD/rw" -- cat /proc/self/status > "status.$1"
    for call in 'unshare(user)' 'unshare(mount)' 'clone(user)' setns mount pivot_root chroot open_tree fsopen pidfd_getfd keyctl bpf \
        perf_event_open userfaultfd open_by_handle_at 'personality(no random)' 'mknod(device)' chown; do
        is "probe.$1" "$call EPERM"
    done
    is "probe.$1" "clone3 ENOSYS"; is "probe.$1" "a call of the future ENOSYS"
    for call in 'personality(0)' pidfd_open 'seccomp(which actions)' mkfifo 'ptrace(traceme)' socket; do
        is "probe.$1" "$call ok"
    done
    for set in Inh Prm Eff Amb; do is "status.$1" "Cap$set:	0000000000000000"; done
    # An ordinary user cannot empty the bounding set; no_new_privs makes it say nothing.
    [ "$1" = bare ] || is "status.$1" "CapBnd:	0000000000000000"
    is "status.$1" "NoNewPrivs:	1"; is "status.$1" "Seccomp:	2"
    ! "$pod" --how "$1" -- unshare --user true 2>/dev/null || fail "unshare --user works in the pod ($1)"
    ! "$pod" --how "$1" -- unshare --user --map-root-user mount -t tmpfs none /tmp 2>/dev/null || fail "mount works ($1)"
    "$pod" --how "$1" -- bash -c 'exit 7' && status=0 || status=$?
    [ $status = 7 ] || fail "exit status $status, not 7 ($1)"
}
pod_only() { # HOW: what takes mounts
    "$pod" --how "$1" --rw "$PWD/rw" --tmpfs /mnt -- bash -euc '
        id -u; id -G
        ! getent passwd "$(id -u)" >/dev/null
        test "$HOME" = /; test "$(id -G)" = 0
        ! touch /var/tmp/x 2>/dev/null; ! touch "$PWD/x" 2>/dev/null
        touch "$PWD/rw/x" /tmp/x /mnt/x; rm "$PWD/rw/x"
        for path in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $path ] || test "$(head -c 1 $path | wc -c)" = 0; done
        ! find /proc/acpi /proc/scsi /sys/firmware -mindepth 1 2>/dev/null | grep . || false
        ! echo 1 2>/dev/null > /proc/sys/kernel/printk
        test $$ = 1; test "$(ls -d /proc/[0-9]* | wc -l)" -lt 9
        test -s /run/secrets/kubernetes.io/serviceaccount/token
        echo > /dev/null; head -c 1 /dev/urandom >/dev/null; test ! -e /dev/kmsg
        ls /proc/self/fd | wc -l
    ' > "look.$1" || { cat "look.$1"; fail "the pod looks wrong ($1)"; }
    [ "$(sed -n 1p "look.$1")" -ge 100000 ] || fail "not a high uid: $(sed -n 1p "look.$1")"
    is "look.$1" 4  # descriptors: 0, 1, 2 and ls's own
}

if [ "$(id -u)" != 0 ]; then
    inside bare
    echo "note: as an ordinary user, seccomp and no_new_privs only"
    exit 0
fi
inside hand; pod_only hand
[ "$("$pod" --how hand -- id -u)" != "$("$pod" --how hand -- id -u)" ] || fail "twice the same random uid"
if ! "$pod" --how runc -- true 2>runc.err; then
    echo "note: $(<runc.err)"
else
    inside runc; pod_only runc
    # One profile, two ways to load it.
    diff probe.hand probe.runc || fail "runc's pod and the one by hand differ"
fi
[ -z "$(ls pods)" ] || fail "a pod left its directory"
