#!/bin/bash
# What example_nginx.sh runs as each user: build it, run it, and let other tools read it.
. "$LICHEN_TEST_STATE/work/support/lib.sh"
start=$SECONDS
build --build-arg BASE="$DEBIAN" -t nginx -o type=oci,dest=nginx.tar "$EXAMPLES/nginx"
echo "built at $TIER in $((SECONDS - start)) s"
same "$(cached)" 0 "steps that were CACHED"
build --build-arg BASE="$DEBIAN" -t nginx "$EXAMPLES/nginx"
hasnt err 'Setting up nginx'
ok run nginx nginx -v; has err 'nginx version'
ok run nginx sh -c 'id -un; nginx -t'; has out '^web$'
ok run -u root nginx stat -c '%U:%G %a' /srv/site/index.html /usr/bin/chage; has out '^web:web 644$'; has out '^root:shadow 2755$'

skopeo copy -q oci-archive:nginx.tar oci:layout:nginx
umoci unpack --rootless --image layout:nginx bundle >umoci.log 2>&1 || { cat umoci.log; fail "umoci does not unpack it"; }
same "$(cat bundle/rootfs/srv/site/index.html)" "$(cat "$EXAMPLES/nginx/site/index.html")"
# runc starts umoci's bundle without root: one id mapped, so as root of the bundle, without a network of its own.
jq '.process.args = ["nginx", "-v"] | .process.terminal = false | .process.user = {uid: 0, gid: 0}
    | .linux.namespaces |= map(select(.type != "network"))
    | .mounts |= map(select(.type != "sysfs" and .type != "cgroup") | if .destination == "/sys" then empty else . end)' \
    bundle/config.json > c.json && mv c.json bundle/config.json
runc --root "$T/runc" run --bundle bundle "n$$" >runc.out 2>&1 </dev/null || { cat runc.out; fail "runc does not start it"; }
grep -q 'nginx version' runc.out || { cat runc.out; fail "runc: no version"; }
chmod -R u+rwX bundle; rm -rf bundle layout
