#!/bin/bash
# users: ids userns
# Push, pull by digest with skopeo, and FROM that digest in a next build.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo pushed > /p && chown 33:50 /p\n' "$TINY" > ctx/Dockerfile
name=$REG/pushed-$LICHEN_TEST_USER
build -t "$name:1" --push --metadata-file meta.json ctx
digest=$(jq -r '."containerimage.digest"' meta.json)
skopeo copy -q --src-tls-verify=false "docker://$name@$digest" oci:pulled:x
same "sha256:$(skopeo inspect --raw oci:pulled:x | sha256sum | cut -d' ' -f1)" "$digest"
printf 'FROM %s@%s\nRUN stat -c %%u:%%g:%%n /p > /seen\n' "$name" "$digest" > ctx/Dockerfile
LICHEN_ROOT=$T/other build -o out1 ctx
same "$(<out1/seen)" 33:50:/p
store_is_clean; LICHEN_ROOT=$T/other store_is_clean
# A tag that does not exist, and a digest that no manifest has, are clear errors.
printf 'FROM %s:nowhere\n' "$name" > ctx/Dockerfile
fails any lichen_build ctx; has err 'Dockerfile:1'; has err 'nowhere'
printf 'FROM %s@sha256:%064d\n' "$name" 1 > ctx/Dockerfile
fails any lichen_build ctx; has err 'Dockerfile:1'
