#!/usr/bin/python3
"""stalling_registry.py LAYOUT PORTFILE - serves an OCI layout's image, but stops in the middle of its
layer for ever. Writes its port to PORTFILE, and PORTFILE.stalled when somebody waits."""
import http.server
import json
import pathlib
import sys
import time

LAYOUT, PORTFILE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
INDEX = json.loads((LAYOUT / "index.json").read_text())
MANIFEST = INDEX["manifests"][0]


def blob(digest):
    return (LAYOUT / "blobs" / digest.replace(":", "/")).read_bytes()


LAYERS = {layer["digest"] for layer in json.loads(blob(MANIFEST["digest"]))["layers"]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, with_body):
        last = self.path.rpartition("/")[2]
        if self.path == "/v2/":
            data, kind = b"{}", "application/json"
        elif "/manifests/" in self.path:
            data, kind = blob(MANIFEST["digest"]), MANIFEST["mediaType"]
        else:
            data, kind = blob(last), "application/octet-stream"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if "/manifests/" in self.path:
            self.send_header("Docker-Content-Digest", MANIFEST["digest"])
        self.end_headers()
        if with_body and last in LAYERS:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            PORTFILE.with_name(PORTFILE.name + ".stalled").touch()
            time.sleep(600)
        elif with_body:
            self.wfile.write(data)

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
PORTFILE.write_text(str(server.server_port))
server.serve_forever()
