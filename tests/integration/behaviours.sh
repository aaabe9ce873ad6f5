#!/bin/bash
# users: ids userns bare
# cost: 60
# What BuildKit's own integration tests pin, in cases of ours: tests/conformance/behaviours (docs/conformance.md).
. "$(dirname "$0")/../support/lib.sh"
python3 "$STATE/work/conformance/behaviours.py" run "$STATE/work/conformance/behaviours" "$@"
