#!/bin/bash
# users: ids userns
# Root of a container that has no capability: ids cannot work, and says why; a lower tier is taken, or the error is clear.
. "$(dirname "$0")/../support/lib.sh"
need unshare; need setpriv
printf 'FROM %s\nRUN touch /a && chown 7:8 /a\n' "$TINY" > ctx/Dockerfile
map=(--map-root-user); [ "$TIER" != ids ] || map+=(--map-auto)
inside() { unshare --user "${map[@]}" --mount setpriv --bounding-set=-all --inh-caps=-all "$@"; }
same "$(inside sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" 0000000000000000 capabilities
fails 4 inside lichen build --tier=ids --root="$T/inside" ctx; has err 'tier ids does not work here'
tier=$(inside lichen doctor --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["tier"])')
if [ -n "$tier" ]; then
    ok inside lichen build --progress=plain --root="$T/inside" ctx; has err "tier $tier"
else
    fails 4 inside lichen build --progress=plain --root="$T/inside" ctx; has err 'no tier works here'
fi
ok inside rm -rf "$T/inside"
