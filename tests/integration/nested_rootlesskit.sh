#!/bin/bash
# users: ids
# Inside rootlesskit, whose user is root of a namespace with many ids: the kernel's ids are used, and the image is the same.
. "$(dirname "$0")/../support/lib.sh"
need rootlesskit
dockerfile <<'D'
FROM @TINY@
RUN touch /a && chown 7:8 /a && (setsid sleep 4721 &)
D
export SOURCE_DATE_EPOCH=1700000000
ok rootlesskit --state-dir="$T/state" lichen build --progress=plain --root="$T/inside" -o type=oci,dest=inside.tar ctx
has err 'tier ids'
build -o type=oci,dest=outside.tar ctx
same "$(tar -xOf inside.tar index.json)" "$(tar -xOf outside.tar index.json)" images
ok rootlesskit --state-dir="$T/state" rm -rf "$T/inside"
