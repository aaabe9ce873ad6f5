#!/bin/bash
# users: userns random
# No HOME, HOME=/, one that is read-only or has no room: the store goes where it can be, and never into what others control.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo x > /x\n' "$TINY" > ctx/Dockerfile
unset LICHEN_ROOT XDG_DATA_HOME
spare=$TMPDIR/lichen-$(id -u)
builds_in() { # DIRECTORY COMMAND...: the command builds, with its store there
    local store=$1; shift
    rm -rf "$spare"
    ok "$@" lichen build --tier="$TIER" --progress=plain ctx
    [ -s "$store/lichen.db" ] || fail "no store in $store: $*"
}
mkdir -m 555 readonly; mkdir -m 700 home
builds_in "$spare" env -u HOME
builds_in "$spare" env HOME=/
builds_in "$spare" env HOME=/nonexistent
builds_in "$spare" env HOME="$T/readonly"
builds_in "$spare" env HOME=relative
builds_in "$T/home/.local/share/lichen" env HOME="$T/home"
same "$(stat -c %a "$T/home/.local/share/lichen")" 700 "mode of the store"

# No room at home, and there is some elsewhere; a store that is at home already stays there.
cat > small <<'S'
set -eu
mount -t tmpfs -o size=1m none "$HOME"
lichen images
[ -e "$TMPDIR/lichen-$1/lichen.db" ] && [ -z "$(ls -A "$HOME")" ]
S
rm -rf "$spare"
ok env HOME="$T/home" unshare --user --map-root-user --mount sh small 0
rm -rf "$TMPDIR/lichen-0"

# Not ours, or open to others: never.
mkdir -m 777 "$spare"; chmod 777 "$spare"
ok env -u HOME lichen images
[ -z "$(ls -A "$spare")" ] || fail "a store in a directory that others may write to"
[ -d "/var/tmp/lichen-$(id -u)" ] || fail "no store in /var/tmp"
rm -rf "/var/tmp/lichen-$(id -u)"

# Nowhere: said, with what helps. The program is started by its descriptor, for its path is hidden.
cat > nowhere <<'S'
exec 9<"$(command -v lichen)"
for place in /var/tmp /tmp; do mount -t tmpfs -o ro none $place || exit 99; done
exec -a lichen /proc/self/fd/9 images
S
fails 3 env -u HOME TMPDIR=/proc unshare --user --map-root-user --mount bash nowhere
has err 'no place for the store'; has err 'LICHEN_ROOT'
LICHEN_ROOT=$T/root; export LICHEN_ROOT
