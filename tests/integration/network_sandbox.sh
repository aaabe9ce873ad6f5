#!/bin/bash
# users: harness
# --network=sandbox with pasta and with slirp4netns, on a machine of its own: a network namespace with
# one address, a web server there and one on its loopback, and a name server.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "SKIP: only root can make /dev/net/tun usable and a network to reach"; exit 77; }
for need in ip pasta slirp4netns unshare; do
    command -v "$need" >/dev/null || { echo "SKIP: $need is not installed"; exit 77; }
done
cd "$LICHEN_TEST_DIR"
status=0
for who in ids userns; do
    for helper in pasta slirp4netns; do
        dir=$LICHEN_TEST_DIR/$who-$helper; mkdir -p "$dir"; chown "lichen-$who:" "$dir"
        LICHEN_TEST_TIER=$who LICHEN_TEST_USER=$who LICHEN_TEST_DIR=$dir LICHEN_TEST_HELPER=$helper \
            unshare --mount --net bash "$LICHEN_TEST_STATE/work/integration/parts/network_host.sh" || { echo "FAILED: $who $helper"; status=1; }
    done
done
exit $status
