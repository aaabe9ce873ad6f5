#!/bin/bash
# users: ids userns bare
# cost: 60
# Real Dockerfiles, of shared/conformance/corpus, build (docs/conformance.md): those that need no apt and no npm, and at the
# lower tiers those that tiers have to do with. `make soak` gives --all.
. "$(dirname "$0")/../support/lib.sh"
data=$STATE/work/corpus
[ -e "$data/corpus-index.json" ] || skip "no conformance data beside the clone"
[ $# != 0 ] || [ "$TIER" = ids ] || set -- chown hardlink symlink perms stdio mount__ capabilities daemons user_home
python3 "$STATE/work/conformance/corpus_builds.py" run "$data" "$@"
