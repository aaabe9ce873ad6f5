#!/bin/bash
# users: ids userns
# A named context that is an OCI layout: FROM it and COPY --from it, without any registry.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM mine\nRUN echo x > /x\nCOPY --from=mine /etc/passwd /p\n' > ctx/Dockerfile
build --build-context "mine=oci-layout://$TINY_LAYOUT:base" -o out1 ctx
[ -s out1/x ] && [ -s out1/p ] || fail "files are missing"
fails any lichen_build --build-context "mine=oci-layout://$T/nowhere" ctx; has err 'nowhere'
