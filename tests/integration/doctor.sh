#!/bin/bash
# users: ids userns
# lichen doctor names the tiers that work and, for what is missing, the command that would help.
. "$(dirname "$0")/../support/lib.sh"
ok lichen doctor; has out 'ids'; has out 'userns'
ok lichen doctor --json
python3 "$SUPPORT/tiers.py" < out > tiers
grep -qw "$TIER" tiers || fail "doctor says that $TIER does not work: $(<tiers)"
if [ "$TIER" = userns ] && ! grep -q "^$(id -un):" /etc/subuid; then
    ! grep -qw ids tiers || fail "ids cannot work without sub-ids"
    ok lichen doctor; has out 'subuid|usermod'
    printf 'FROM %s\nRUN true\n' "$TINY" > ctx/Dockerfile
    fails any lichen build --tier=ids ctx; has err 'subuid|sub-id|usermod'
    ok lichen build --progress=plain ctx; has err 'userns'
fi
