#!/bin/bash
# users: harness
# cost: 60
# What escapes.sh and escapes_dockerfile.sh try, at tier bare inside a restricted pod, which stops no more of it
# than tier bare does: its processes and files are one user's.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "SKIP: only root can make a pod with a user of its own"; exit 77; }
[ -n "$LICHEN_TEST_POD_PROFILE" ] || { echo "SKIP: no seccomp profile: the package cannot be downloaded"; exit 77; }
support=$LICHEN_TEST_STATE/work/support top=$LICHEN_TEST_DIR
cd "$top"; mkdir pods
export LICHEN_TEST_TIER=bare LICHEN_TEST_USER=bare LICHEN_TEST_IN_POD=1 LICHEN_POD_WORK=$top/pods
for script in escapes escapes_dockerfile; do
    mkdir -m 777 "$script"
    LICHEN_TEST_DIR=$top/$script "$support/restricted-pod" --rw "$top/$script" -- \
        bash "$LICHEN_TEST_STATE/work/integration/$script.sh"
done
