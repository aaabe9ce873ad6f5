#!/bin/bash
# users: userns random
# LICHEN_ROOT, --root, XDG_DATA_HOME; the store is 0700, and one that is not ours is refused.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
build ctx; same "$(stat -c %a "$LICHEN_ROOT")" 700 "mode of the store"
build --root "$T/flag" ctx; [ -d flag ] || fail "--root was ignored"
unset LICHEN_ROOT
XDG_DATA_HOME=$T/xdg build ctx; [ -d xdg/lichen ] || fail "XDG_DATA_HOME was ignored"
HOME=$T/home; mkdir home; export HOME
build ctx; [ -d home/.local/share/lichen ] || fail "HOME was ignored"
HOME=/nonexistent build ctx; [ -d "$TMPDIR/lichen-$(id -u)" ] || fail "no store in TMPDIR"
fails any lichen build --tier="$TIER" --root /proc ctx
fails any lichen build --tier="$TIER" --root / ctx; has err '/'
LICHEN_ROOT=$T/root; export LICHEN_ROOT
