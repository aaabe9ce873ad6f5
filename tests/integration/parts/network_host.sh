# network_host.sh - the machine of network_sandbox: run as root in new mount and network namespaces.
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /dev/net; mknod -m 666 /dev/net/tun c 10 200
for other in pasta slirp4netns; do
    [ "$other" = "$LICHEN_TEST_HELPER" ] || mount --bind /dev/null "$(command -v "$other")"
done
ip link set lo up
ip tuntap add dev host0 mode tap
ip address add 10.9.8.1/24 dev host0; ip address add 10.9.9.1/32 dev host0
ip link set host0 up; ip route add default via 10.9.8.254
echo 'nameserver 10.9.9.1' > "$LICHEN_TEST_DIR/resolv.conf"
mount --bind "$LICHEN_TEST_DIR/resolv.conf" /etc/resolv.conf
python3 "$LICHEN_TEST_STATE/work/integration/parts/network_servers.py" > "$LICHEN_TEST_DIR/servers" &
servers=$!
trap 'kill $servers' EXIT
for _ in $(seq 200); do grep -q ready "$LICHEN_TEST_DIR/servers" && break; sleep 0.05; done
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY
"$LICHEN_TEST_STATE/work/support/as-user" "$LICHEN_TEST_USER" "$LICHEN_TEST_DIR" \
    bash "$LICHEN_TEST_STATE/work/integration/parts/network_as_user.sh"
