#!/bin/bash
# users: ids
# --iidfile, --metadata-file, -q and --progress=quiet: what scripts read.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo 1 > /f\n' "$TINY" > ctx/Dockerfile
build -t ids:1 --iidfile iid --metadata-file meta.json ctx
grep -qxE 'sha256:[0-9a-f]{64}' iid || fail "iid: $(<iid)"
same "$(wc -c < iid | tr -d ' ')" 71 "bytes of the iid file"
same "$(jq -r '."containerimage.config.digest"' meta.json)" "$(<iid)"
jq -e '."containerimage.digest" | startswith("sha256:")' meta.json >/dev/null
jq -e '."image.name" | test("ids:1")' meta.json >/dev/null
lichen_build -q ctx >quiet.out 2>quiet.err
same "$(<quiet.out)" "$(<iid)" "-q"
[ ! -s quiet.err ] || fail "-q is not quiet: $(<quiet.err)"
lichen build --tier="$TIER" --progress=quiet ctx >quiet.out 2>quiet.err
[ ! -s quiet.err ] || fail "--progress=quiet is not quiet: $(<quiet.err)"
