#!/bin/bash
# users: ids
# certs.d: a registry's own authority, and the certificate that it wants of us; of a host's directories the first counts.
. "$(dirname "$0")/../support/lib.sh"
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE
tls=localhost:${REG_TLS##*:} mtls=localhost:${REG_MTLS##*:}
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
fails 5 lichen_build -t "$tls/c:1" --push ctx; has err "certs.d/$tls/ca.crt"
certs=$HOME/.config/docker/certs.d
mkdir -p "$certs/$tls" "$certs/$mtls"
cp "$STATE/cert.pem" "$certs/$tls/ca.crt"
build -t "$tls/c:1" --push ctx
cp "$STATE/cert.pem" "$certs/$mtls/ca.crt"
fails any lichen_build -t "$mtls/c:1" --push ctx
cp "$STATE/client.cert" "$certs/$mtls/client.cert"
fails any lichen_build -t "$mtls/c:1" --push ctx; has err 'client.key is missing'
cp "$STATE/client.key" "$certs/$mtls/client.key"
build -t "$mtls/c:1" --push ctx
printf 'FROM %s\n' "$mtls/c:1" > ctx/Dockerfile
LICHEN_ROOT=$T/other build -o out1 ctx
[ -e out1/d ] || fail "the file is missing"
# podman's directory comes first, and its authority is another one.
mkdir -p "$HOME/.config/containers/certs.d/$mtls"
cp "$STATE/client.cert" "$HOME/.config/containers/certs.d/$mtls/ca.crt"
LICHEN_ROOT=$T/third fails 5 lichen_build ctx; has err 'certificate'
