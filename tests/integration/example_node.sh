#!/bin/bash
# users: ids userns
# cost: 300
# npm ci from a lock file in a stage of its own; the result has node and the modules, not npm.
. "$(dirname "$0")/../support/lib.sh"
build --build-arg BASE="$DEBIAN" -t node "$EXAMPLES/node"
same "$(cached)" 0 "steps that were CACHED"
ok run node node src/main.js once; has out 'up for .*ms, as uid 65534'
fails 127 run node sh -c 'npm --version'
