#!/bin/bash
# users: ids
# --build-arg (with and without a value), ARG before FROM, --label, platform ARGs, ENV expansion.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
ARG IMAGE=nowhere
FROM ${IMAGE}
ARG NAME=default
ARG FROM_ENV
ARG UNSET
ARG TARGETARCH
ARG TARGETOS
ENV SAID="${NAME}-${FROM_ENV}-${UNSET:-unset}"
LABEL a.b="c d" plain=${NAME}
RUN echo "$SAID $TARGETOS/$TARGETARCH" > /said
D
FROM_ENV=fromenv build --build-arg IMAGE="$TINY" --build-arg NAME=given --build-arg FROM_ENV --build-arg UNSET \
    --label x=y --label a.b=z -t args ctx
ok run args cat /said
grep -qE '^given-fromenv-unset linux/(amd64|arm64)$' out || fail "said: $(<out)"
ok lichen inspect args
python3 - <<'P'
import json
said = json.load(open("out"))
text = json.dumps(said)
said = said[0] if isinstance(said, list) else said
def find(node, key):
    if isinstance(node, dict):
        if key in node: return node[key]
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        if (found := find(child, key)) is not None: return found
labels = find(said, "Labels") or {}
assert labels.get("x") == "y" and labels.get("a.b") == "z" and labels.get("plain") == "given", text
P
