#!/bin/bash
# users: ids
# A registry with a token server: nobody may read what is public; a login keeps a refresh token, not the password.
. "$(dirname "$0")/../support/lib.sh"
export DOCKER_CONFIG=$T/docker
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
fails 3 lichen_build -t "$REG_TOKEN/public/a:1" --push ctx; has err 'lichen login'
printf secret | ok lichen login -u tom --password-stdin "$REG_TOKEN"
config=$DOCKER_CONFIG/config.json
grep -q identitytoken "$config" || fail "no refresh token was kept"
same "$(jq -r ".auths[\"$REG_TOKEN\"].auth" "$config" | base64 -d)" tom:
build -t "$REG_TOKEN/public/a:1" -t "$REG_TOKEN/private/a:1" --push ctx
hasnt err 'refresh-'
lichen logout "$REG_TOKEN"
printf 'FROM %s\n' "$REG_TOKEN/public/a:1" > ctx/Dockerfile
LICHEN_ROOT=$T/other build -o out1 ctx
[ -e out1/d ] || fail "the file is missing"
printf 'FROM %s\n' "$REG_TOKEN/private/a:1" > ctx/Dockerfile
LICHEN_ROOT=$T/third fails 3 lichen_build ctx; has err 'lichen login'
# A password will do, too, in a file of podman's, for one repository.
printf '{"auths":{"%s/private":{"auth":"%s"}}}' "$REG_TOKEN" "$(printf tom:secret | base64)" > auth.json
REGISTRY_AUTH_FILE=$T/auth.json LICHEN_ROOT=$T/fourth build -o out2 ctx
[ -e out2/d ] || fail "the file is missing"
