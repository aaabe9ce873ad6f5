#!/bin/bash
# users: ids userns bare
# cost: 30
# equality: none, a large layer
# A build keeps under 128 MiB of anonymous memory, all its processes together, however large the layer that it makes,
# compresses, pushes, pulls and unpacks. LICHEN_TEST_LAYER_MIB: how large (make soak: 1024).
. "$(dirname "$0")/../support/lib.sh"
mib=${LICHEN_TEST_LAYER_MIB:-300} name=$REG/memory-$LICHEN_TEST_USER
cat > watch.py <<'E2'
"""watch.py COMMAND... - runs it; prints the most anonymous memory that its processes had at once, in MiB."""
import os
import subprocess
import sys
import time


def anonymous(root):
    parents, sizes = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            lines = dict(line.split(":", 1) for line in open("/proc/%s/status" % entry))
            parents[int(entry)] = int(lines["PPid"])
            sizes[int(entry)] = int(lines.get("RssAnon", "0 kB").split()[0])
        except (OSError, ValueError, KeyError):
            continue
    total = 0
    for pid in sizes:
        at = pid
        while at in parents and at != root:
            at = parents[at]
        if at == root:
            total += sizes[pid]
    return total


process = subprocess.Popen(sys.argv[1:], stdout=open("out", "w"), stderr=open("err", "w"))
most = 0
while process.poll() is None:
    most = max(most, anonymous(process.pid))
    time.sleep(0.02)
print(most // 1024)
sys.exit(process.returncode)
E2
measured() { # WHAT COMMAND...
    local what=$1 most; shift
    most=$(python3 watch.py "$@") || fail "$what"
    echo "$what: $most MiB"
    [ "$most" -gt 0 ] && [ "$most" -lt 128 ] || fail "$what took $most MiB of anonymous memory"
}
# Bytes that compress to a half, in a file and in many.
printf 'FROM %s\nRUN dd if=/dev/urandom of=/half bs=1M count=4 2>/dev/null; dd if=/dev/zero bs=1M count=4 2>/dev/null >> /half; for n in $(seq %s); do cat /half; done > /large\n' "$TINY" $((mib / 8)) > ctx/Dockerfile
measured "build and push" lichen build --tier="$TIER" --progress=plain -t "$name" --push --load ctx
ok lichen prune --all --tier="$TIER"
printf 'FROM %s\nRUN ls -l /large\n' "$name" > ctx/Dockerfile
measured "pull and unpack" lichen build --tier="$TIER" --progress=plain ctx
