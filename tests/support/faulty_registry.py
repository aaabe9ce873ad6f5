"""faulty_registry.py - a registry in memory that goes wrong at points which a seed chooses.

    registry = FaultyRegistry(seed, probability=0.2, limit=2)
    registry.put_image("base", "1", layers)
    with registry: ... registry.domain ... registry.faults ... registry.problems

It drops, delays, truncates, corrupts, redirects, rate-limits, is busy, loses uploads, expires tokens. The same request
(method, path, how often) has the same fate whenever it comes. `limit`: how often one path goes wrong; `problems`: what a
client must never do (a token shown to another host, a password shown to anything but the token server, a blob sent twice).
Run as a program it serves an OCI layout's image and stalls in the middle of its layers for ever:

    faulty_registry.py LAYOUT PORTFILE      # PORTFILE.stalled is made when somebody waits
"""
import base64
import collections
import email.utils
import hashlib
import http.server
import json
import pathlib
import random
import socket
import struct
import sys
import threading
import time
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

USER, PASSWORD = "tom", "secret"
PASSWORD_HEADER = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

# What may go wrong, by what is asked. `fatal` ones lie about content: no client can make it good.
ANY = ["drop", "reset", "delay", "500", "503", "429", "429-date", "expire"]
READ = ANY + ["truncate", "trickle"]
MANIFEST_READ = READ + ["no-digest", "no-type"]
BLOB_READ = READ + ["redirect", "ignore-range"]
WRITE = ANY + ["lose-upload", "drop-after"]
FATAL_MANIFEST = ["corrupt", "wrong-digest-header", "loop", "403", "endless"]
FATAL_BLOB = ["corrupt", "short", "long", "loop", "404", "to-file"]


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class FaultyRegistry:
    def __init__(self, seed, probability=0.0, limit=2, fatal=0.0, tokens=False, largest=None, stall_layers=None):
        self.seed, self.probability, self.limit, self.fatal = seed, probability, limit, fatal
        self.tokens, self.largest, self.stall_layers = tokens, largest, stall_layers
        self.lock = threading.Lock()
        self.blobs, self.manifests, self.types = {}, {}, {}  # (repository, name) for manifests
        self.uploads, self.uploaded = {}, collections.Counter()
        self.good_tokens, self.counts = set(), collections.Counter()
        self.faults, self.problems = [], []
        self.servers = []

    # --- content -----------------------------------------------------------------------------------
    def put_manifest(self, repository, name, data, kind=MANIFEST):
        for key in (name, digest_of(data)):
            self.manifests[repository, key] = data
        self.types[digest_of(data)] = kind

    def put_image(self, repository, name, layers, diff_ids):
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
        for data in [config, *layers]:
            self.blobs[digest_of(data)] = data
        describe = lambda kind, data: {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
        self.put_manifest(repository, name, json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": describe(CONFIG, config),
            "layers": [describe(LAYER, layer) for layer in layers]}).encode())

    # --- serving -----------------------------------------------------------------------------------
    def __enter__(self):
        for foreign in (False, True):
            handler = type("Handler", (Handler,), {"registry": self, "foreign": foreign})
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            server.handle_error = lambda *_: None  # clients hang up, too
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self.servers.append(server)
        self.domain = f"127.0.0.1:{self.servers[0].server_port}"
        # Another origin: another port is another host to a client.
        self.storage = f"http://127.0.0.1:{self.servers[1].server_port}"
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fault(self, method, path, mild, fatal):
        """What goes wrong with this request, or None. All uploads to a repository count as one path."""
        path = path.split("?")[0]
        if "/blobs/uploads/" in path:
            path = path[:path.index("/uploads/")] + "/uploads/"
        with self.lock:
            self.counts[method, path] += 1
            count = self.counts[method, path]
            dice = random.Random(f"{self.seed} {method} {path} {count}")
            if dice.random() < self.fatal and fatal:
                chosen = dice.choice(fatal)
            elif count <= self.limit and dice.random() < self.probability:
                chosen = dice.choice(mild)
            else:
                return None
            self.faults.append((chosen, method, path))
            return chosen

    def is_fatal(self):
        return any(chosen in FATAL_BLOB + FATAL_MANIFEST for chosen, _, _ in self.faults)


class Gone(Exception):
    """The connection ends here."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None
    foreign = False
    timeout = 60

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (Gone, OSError):
            self.close_connection = True

    # --- answers -----------------------------------------------------------------------------------
    def answer(self, status, data=b"", kind="application/json", length=None, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind) if kind else None
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()
        if length is not None and length != len(data):
            raise Gone

    def error(self, status, code, headers=()):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": "of the test"}]}).encode(), headers=headers)

    def fail_now(self, chosen):
        """Faults that need to know nothing of the request; True: it has been answered."""
        if chosen == "drop":
            raise Gone
        if chosen == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Gone
        if chosen == "delay":
            time.sleep(random.Random(self.path).random() * 0.7)
        elif chosen in ("500", "503", "403", "404"):
            self.error(int(chosen), "FAULT")
            return True
        elif chosen == "429":
            self.error(429, "TOOMANYREQUESTS", [("Retry-After", "0")])
            return True
        elif chosen == "429-date":
            self.error(429, "TOOMANYREQUESTS", [("Retry-After", email.utils.formatdate(time.time() + 1, usegmt=True))])
            return True
        elif chosen == "expire":
            with self.registry.lock:
                self.registry.good_tokens.clear()
        elif chosen == "loop":
            self.answer(307, headers=[("Location", self.path)])
            return True
        elif chosen == "to-file":
            self.answer(307, headers=[("Location", "file:///etc/passwd")])
            return True
        return False

    def send_data(self, chosen, data, kind, headers):
        """A document or a blob, wronged."""
        status, start = 200, 0
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and chosen != "ignore-range":
            start = int(wanted[6:].split("-")[0])
            if start >= len(data):
                return self.answer(416)
            status = 206
            headers = [*headers, ("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")]
        data = data[start:]
        dice = random.Random(self.path + wanted)
        at = dice.randrange(len(data)) if data else 0
        if chosen == "truncate":
            return self.answer(status, data[:at], kind, len(data), headers)
        if chosen == "corrupt" and data:
            data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:]
        elif chosen == "short":
            data = data[:at]
        elif chosen == "long":
            data += b"more"
        elif chosen == "trickle" and self.command == "GET":
            self.send_response(status)
            for name, value in [*headers, ("Content-Type", kind), ("Content-Length", str(len(data)))]:
                self.send_header(name, value)
            self.end_headers()
            for part in (data[:at], data[at:]):
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(0.2)
            return None
        elif chosen == "endless" and self.command == "GET":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" " * 65536)
        return self.answer(status, data, kind, headers=headers)

    # --- who asks ----------------------------------------------------------------------------------
    def problem(self, text):
        with self.registry.lock:
            self.registry.problems.append(f"{self.command} {self.path}: {text}")

    def may_pass(self):
        given = self.headers.get("Authorization", "")
        if self.foreign:
            if given:
                self.problem("the Authorization was shown to another host")
            return True
        if given.startswith("Basic "):
            self.problem("the password was shown to the registry instead of its token server")
        if not self.registry.tokens or given[7:] in self.registry.good_tokens:
            return True
        self.drain()
        expired = ',error="invalid_token"' if given else ""
        self.error(401, "UNAUTHORIZED", [(
            "WWW-Authenticate", f'Bearer realm="http://{self.registry.domain}/token",service="test"{expired}')])
        return False

    def give_token(self):
        registry = self.registry
        chosen = registry.fault("GET", "/token", ANY + ["truncate"], ["403"])
        if self.headers.get("Authorization", "") != PASSWORD_HEADER:
            return self.error(401, "UNAUTHORIZED")
        if self.fail_now(chosen):
            return None
        with registry.lock:
            token = f"t{registry.seed}-{len(registry.good_tokens)}-{random.getrandbits(64):x}"
            registry.good_tokens.add(token)
        data = json.dumps({"token": token, "expires_in": 300}).encode()
        return self.answer(200, data[:9] if chosen == "truncate" else data, length=len(data))

    # --- requests ----------------------------------------------------------------------------------
    def drain(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/token":
            return self.give_token()
        if not self.may_pass():
            return None
        if path == "/v2/":
            return self.answer(200, b"{}")
        repository, kind, name = self.split(path)
        if kind == "blobs":
            return self.get_blob(name)
        if kind == "manifests":
            return self.get_manifest(repository, name)
        with self.registry.lock:  # an upload: how far is it?
            upload = self.registry.uploads.get(path)
        if upload is None:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        return self.answer(204, headers=[("Location", path), ("Range", f"0-{max(len(upload) - 1, 0)}")])

    do_HEAD = do_GET

    @staticmethod
    def split(path):
        for kind in ("/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/"):
            if kind in path:
                repository, name = path[len("/v2/"):].split(kind, 1)
                return repository, kind.strip("/"), name
        return path, "", ""

    def get_manifest(self, repository, name):
        registry = self.registry
        fatal = FATAL_MANIFEST if self.command == "GET" else ["403"]
        chosen = registry.fault(self.command, self.path, MANIFEST_READ, fatal)
        data = registry.manifests.get((repository, name))
        if data is None:
            return self.error(404, "MANIFEST_UNKNOWN")
        if self.fail_now(chosen):
            return None
        digest = digest_of(b"other" if chosen == "wrong-digest-header" else data)
        headers = [] if chosen == "no-digest" else [("Docker-Content-Digest", digest)]
        kind = "text/plain" if chosen == "no-type" else registry.types[digest_of(data)]
        return self.send_data(chosen, data, kind, headers)

    def get_blob(self, digest):
        registry = self.registry
        data = registry.blobs.get(digest)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN")
        if registry.stall_layers and self.command == "GET" and digest in registry.stall_layers[0]:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            registry.stall_layers[1].touch()
            time.sleep(600)
        if self.command == "HEAD":
            chosen = registry.fault("HEAD", self.path, ANY, [])
        else:
            chosen = registry.fault("GET", self.path, BLOB_READ, FATAL_BLOB)
        if self.fail_now(chosen):
            return None
        if chosen == "redirect" and not self.foreign:
            return self.answer(307, headers=[("Location", registry.storage + self.path + "?signed=1")])
        return self.send_data(chosen, data, "application/octet-stream", [])

    def do_POST(self):
        if not self.may_pass():
            return None
        self.drain()
        registry, parts = self.registry, urllib.parse.urlsplit(self.path)
        if self.fail_now(registry.fault("POST", parts.path, ANY, [])):
            return None
        with registry.lock:
            registry.counts["uploads"] += 1
            path = f"{parts.path}{registry.counts['uploads']}"
            registry.uploads[path] = b""
        return self.answer(202, headers=[("Location", path + "?state=a%2Fb"), ("Range", "0-0")])

    def receive(self, upload, chosen):
        """Takes the request's bytes, as far as the fault lets them come."""
        size = int(self.headers.get("Content-Length") or 0)
        stop = random.Random(self.path).randrange(size) if chosen in ("drop", "reset") and size else size
        while stop > 0:
            data = self.rfile.read(min(stop, 1 << 16))
            if not data:
                raise Gone
            stop -= len(data)
            with self.registry.lock:
                self.registry.uploads[upload] += data
        if chosen in ("drop", "reset"):
            self.fail_now(chosen)

    def do_PATCH(self):
        return self.write_blob()

    def do_PUT(self):
        if "/manifests/" in self.path:
            return self.put_manifest()
        return self.write_blob()

    def write_blob(self):
        registry, parts = self.registry, urllib.parse.urlsplit(self.path)
        if not self.may_pass():
            return None
        chosen = registry.fault(self.command, parts.path, WRITE, [])
        if chosen == "lose-upload":
            with registry.lock:
                registry.uploads.pop(parts.path, None)
        with registry.lock:
            known = parts.path in registry.uploads
        size = int(self.headers.get("Content-Length") or 0)
        if not known or (registry.largest and size > registry.largest):
            self.drain()
            return self.error(413 if known else 404, "BLOB_UPLOAD_UNKNOWN")
        self.receive(parts.path, chosen)
        if chosen != "drop-after" and self.fail_now(chosen):
            return None
        with registry.lock:
            data = registry.uploads[parts.path]
        if self.command == "PATCH":
            if chosen == "drop-after":
                raise Gone
            return self.answer(202, headers=[("Location", parts.path), ("Range", f"0-{max(len(data) - 1, 0)}")])
        digest = urllib.parse.parse_qs(parts.query).get("digest", [""])[0]
        if digest_of(data) != digest:
            return self.error(400, "DIGEST_INVALID")
        with registry.lock:
            registry.blobs[digest] = data
            registry.uploads.pop(parts.path, None)
            registry.uploaded[digest] += 1
            if registry.uploaded[digest] > 1:
                registry.problems.append(f"{digest} was sent {registry.uploaded[digest]} times")
        if chosen == "drop-after":
            raise Gone
        return self.answer(201, headers=[("Docker-Content-Digest", digest)])

    def put_manifest(self):
        registry = self.registry
        if not self.may_pass():
            return None
        chosen = registry.fault("PUT", self.path, WRITE, [])
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if chosen in ("lose-upload", "drop-after"):
            chosen = "drop"
        if self.fail_now(chosen):
            return None
        repository, _, name = self.split(self.path)
        document = json.loads(data)
        needed = [document["config"], *document["layers"]]
        if any(one["digest"] not in registry.blobs for one in needed):
            return self.error(400, "MANIFEST_BLOB_UNKNOWN")
        registry.put_manifest(repository, name, data, self.headers["Content-Type"])
        return self.answer(201, headers=[("Docker-Content-Digest", digest_of(data))])


def serve_stalling(layout, portfile):
    index = json.loads((layout / "index.json").read_text())
    read = lambda digest: (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    manifest = json.loads(read(index["manifests"][0]["digest"]))
    layers = {layer["digest"] for layer in manifest["layers"]}
    stalled = portfile.with_name(portfile.name + ".stalled")
    with FaultyRegistry(0, stall_layers=(layers, stalled)) as registry:
        for one in [manifest["config"], *manifest["layers"]]:
            registry.blobs[one["digest"]] = read(one["digest"])
        registry.put_manifest("stall", "base", read(index["manifests"][0]["digest"]), index["manifests"][0]["mediaType"])
        portfile.write_text(registry.domain.rpartition(":")[2])
        time.sleep(3600)


if __name__ == "__main__":
    serve_stalling(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
