#!/bin/bash
# users: ids userns bare
# cost: 60
# Real Dockerfiles, of shared/conformance/corpus, build (docs/conformance.md): those that need no apt and no npm; `make
# soak` gives --all.
. "$(dirname "$0")/../support/lib.sh"
data=$STATE/work/corpus
[ -e "$data/corpus-index.json" ] || skip "no conformance data beside the clone"
python3 "$STATE/work/conformance/corpus_builds.py" run "$data" "$@"
