#!/bin/bash
# users: ids userns bare
# Removed and replaced files become whiteouts, a replaced folder an opaque one; the next stage sees neither.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@
RUN mkdir -p /d/sub /e && echo 1 > /d/one && echo 2 > /d/sub/two && echo 3 > /e/three
RUN rm /d/one && rm -r /e && mkdir /e && echo 4 > /e/four && rm -r /d/sub && echo file > /d/sub
RUN test ! -e /d/one && test ! -e /e/three && test -f /d/sub
D
build -o type=oci,dest=image.tar ctx
python3 - <<'P'
import sys; sys.path.insert(0, __import__("os").environ["LICHEN_TEST_STATE"] + "/work/support")
from compare_images import Image
image = Image("image.tar")
layer = list(image.layers())[2]
assert "d/.wh.one" in layer, sorted(layer)
assert "e/.wh..wh..opq" in layer or "e/.wh.three" in layer, sorted(layer)
assert layer["d/sub"]["type"] == "file", layer["d/sub"]
assert not any(v["type"] == "char" for v in layer.values())
tree = image.tree()
assert "e/four" in tree and "e/three" not in tree and "d/one" not in tree and "d/sub/two" not in tree
P
skopeo copy -q oci-archive:image.tar oci:layout:x
umoci unpack --rootless --image layout:x bundle 2>/dev/null
[ ! -e bundle/rootfs/d/one ] && [ ! -e bundle/rootfs/e/three ] && [ -f bundle/rootfs/d/sub ] || fail "umoci sees removed files"
chmod -R u+rwX bundle
