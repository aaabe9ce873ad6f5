#!/bin/bash
# users: ids
# ~/.docker/config.json opens a registry with passwords; without it the error says what is missing.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
fails any lichen_build -t "$REG_AUTH/a:1" --push ctx
has err 'login|credential|denied'
mkdir -p "$HOME/.docker"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$REG_AUTH" "$(printf tom:secret | base64)" > "$HOME/.docker/config.json"
build -t "$REG_AUTH/a:1" --push ctx
printf 'FROM %s\nCOPY Dockerfile /e\n' "$REG_AUTH/a:1" > ctx/Dockerfile
LICHEN_ROOT=$T/other build -o out1 ctx
[ -e out1/d ] && [ -e out1/e ] || fail "files are missing"
hasnt err secret
printf '{"auths":{"%s":{"auth":"%s"}}}' "$REG_AUTH" "$(printf tom:wrong | base64)" > "$HOME/.docker/config.json"
LICHEN_ROOT=$T/third fails any lichen_build ctx; hasnt err 'wrong'
