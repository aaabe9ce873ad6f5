#!/bin/bash
# users: ids userns bare
# setcap and getcap in a step; the layer has security.capability in its version 2 form.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @DEBIAN@
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin
RUN cp /bin/true /usr/bin/rawtrue && setcap cap_net_raw+ep /usr/bin/rawtrue && getcap /usr/bin/rawtrue | grep -q cap_net_raw
RUN getcap /usr/bin/rawtrue | grep -q cap_net_raw=ep
RUN useradd -m ann && su ann -c 'touch ~/hers' && test "$(stat -c %U ~ann/hers)" = ann && passwd -l ann
D
build -o type=tar,dest=all.tar ctx
python3 - <<'P'
import struct, tarfile
t = {m.name.removeprefix("./"): m for m in tarfile.open("all.tar")}
value = t["usr/bin/rawtrue"].pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape")
assert struct.unpack("<5I", value) == (0x02000001, 1 << 13, 0, 0, 0), value
assert t["usr/bin/su"].mode & 0o4000 and t["usr/bin/chage"].mode & 0o2000
P
