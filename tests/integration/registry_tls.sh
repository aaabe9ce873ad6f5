#!/bin/bash
# users: ids
# https is verified unless --tls-verify=false is said, for one command.
. "$(dirname "$0")/../support/lib.sh"
host=localhost:${REG_TLS##*:}
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE
build --tls-verify=false -t "$host/t:1" --push ctx
fails any lichen_build -t "$host/t:2" --push ctx
has err '[Cc]ertificate|TLS|SSL|https|HTTPS'
printf 'FROM %s\n' "$host/t:1" > ctx/Dockerfile
LICHEN_ROOT=$T/other build --tls-verify=false -o out1 ctx
[ -e out1/d ] || fail "the file is missing"
