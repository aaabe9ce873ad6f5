#!/bin/bash
# users: ids userns bare
# cost: 120
# A gcc stage, then FROM scratch with the one program: the image holds that file alone, and it runs.
. "$(dirname "$0")/../support/lib.sh"
build --build-arg BASE="$DEBIAN" -t c-static -o type=oci,dest=c.tar "$EXAMPLES/c-static"
same "$(cached)" 0 "steps that were CACHED"
build --build-arg BASE="$DEBIAN" -t c-static "$EXAMPLES/c-static"
ok run c-static; same "$(<out)" "hello, world"
ok run c-static you; same "$(<out)" "hello, you"
python3 - <<'P'
import sys; sys.path.insert(0, __import__("os").environ["LICHEN_TEST_STATE"] + "/work/support")
from compare_images import Image
tree = Image("c.tar").tree()
assert list(tree) == ["hello"] and tree["hello"]["mode"] == "0755", tree
P
# A second build after a change of the source compiles again, and installs nothing again.
cp -r "$EXAMPLES/c-static" again; sed -i 's/hello, %s/bye, %s/' again/hello.c
build --build-arg BASE="$DEBIAN" -t c-static again
hasnt err 'Setting up gcc'; ok run c-static; same "$(<out)" "bye, world"
