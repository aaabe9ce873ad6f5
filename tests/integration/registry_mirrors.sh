#!/bin/bash
# users: ids
# registries.conf: Docker Hub's images from a mirror here, another location, a blocked registry; no network is needed.
. "$(dirname "$0")/../support/lib.sh"
skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$TINY" "docker://$REG/hub/library/tiny:1"
skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$TINY" "docker://$REG/moved/app:1"
export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
cat > registries.conf <<CONF
unqualified-search-registries = ["quay.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:1/down"
[[registry.mirror]]
location = "$REG/hub"
[[registry]]
prefix = "old.example/team"
location = "$REG/moved"
[[registry]]
prefix = "evil.example"
blocked = true
CONF
printf 'FROM tiny:1\nRUN echo mirrored > /m\nFROM old.example/team/app:1\nCOPY --from=0 /m /m\n' > ctx/Dockerfile
build -o out1 ctx
same "$(<out1/m)" mirrored
# A push goes to the location, not to a mirror.
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
build -t old.example/team/pushed:1 --push ctx
skopeo inspect --raw --tls-verify=false "docker://$REG/moved/pushed:1" >/dev/null || fail "it was not pushed there"
# A mirror that has a layer wrong: the location has it right.
python3 - "$REG" > liar.port 2> liar.log <<'PY' &
import http.server, sys, urllib.request
class Liar(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urllib.request.Request("http://%s%s" % (sys.argv[1], self.path), headers={"Accept": self.headers.get("Accept", "*/*")}, method=self.command)
        with urllib.request.urlopen(asked) as answer:
            body = bytearray(answer.read())
            if "/blobs/" in self.path and len(body) > 10000: body[5000] ^= 1
            self.send_response(200)
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
                if answer.headers[name]: self.send_header(name, answer.headers[name])
            self.end_headers(); self.wfile.write(body)
    do_HEAD = do_GET
    def log_message(self, *words): print(self.command, self.path, file=sys.stderr)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
print(server.server_port, flush=True)
server.serve_forever()
PY
liar=$!
until [ -s liar.port ]; do sleep 0.05; done
printf '[[registry]]\nprefix = "lied.example"\nlocation = "%s/hub"\n[[registry.mirror]]\nlocation = "127.0.0.1:%s/hub"\ninsecure = true\n' "$REG" "$(<liar.port)" > registries.conf
printf 'FROM lied.example/library/tiny:1\nRUN echo true > /m\n' > ctx/Dockerfile
LICHEN_ROOT=$T/lied build -o out2 ctx
same "$(<out2/m)" true
kill $liar
printf '[[registry]]\nprefix = "evil.example"\nblocked = true\n[[registry]]\nprefix = "old.example/team"\nlocation = "%s/moved"\n' "$REG" > registries.conf
printf 'FROM evil.example/x\n' > ctx/Dockerfile
fails 3 lichen_build ctx; has err 'blocked by .*/registries.conf'
# What neither has is an error that names both.
printf 'FROM old.example/team/none:1\n' > ctx/Dockerfile
fails 1 lichen_build ctx; has err "image not found: $REG/moved/none:1"
printf '[[registry]\n' > registries.conf
fails any lichen_build ctx; has err 'registries.conf: line 1'
