#!/usr/bin/python3
"""web_server.py DIRECTORY PORTFILE LOG - a web server on 127.0.0.1 for tests of what is fetched. It ends
with who started it. Writes its port to PORTFILE, and "METHOD PATH" of each request to LOG.

  /FILE             a file of DIRECTORY, with ETag and Last-Modified; answers If-None-Match
  /bare/FILE        the same without any header that names the bytes
  /named/FILE       the same, and calls it ../../evil
  /secret/FILE      the same, for "Authorization: Bearer sesame" or user tom with password sesame
  /any/…            the word any, whatever is asked; also /
  /to/URL           a redirect to URL (percent-encoded), with the query; /loop to itself
  /short/FILE       the half of it, then the connection is closed
  /stall/FILE       the half of it, then nothing more; PORTFILE.stalled is made
  /git/REPOSITORY…  git's own protocol; /git-secret/ for who knows the password, as above
"""
import base64
import ctypes
import email.utils
import hashlib
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.parse

DIRECTORY, PORTFILE, LOG = (pathlib.Path(word) for word in sys.argv[1:4])
ALLOWED = {"Bearer sesame"} | {
    "Basic " + base64.b64encode(f"{user}:sesame".encode()).decode() for user in ("tom", "x-access-token")}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.serve()

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        with LOG.open("a") as log:
            log.write(f"{self.command} {self.path}\n")
        path, query = urllib.parse.urlsplit(self.path)[2:4]
        kind, _, rest = path[1:].partition("/")
        if path == "/loop":
            return self.answer(302, [("Location", "/loop")])
        if kind == "any" or path == "/":
            return self.answer(200, (), b"any\n")
        if kind == "to":
            return self.answer(302, [("Location", urllib.parse.unquote(rest) + ("?" + query if query else ""))])
        if kind in ("secret", "git-secret") and self.headers.get("Authorization") not in ALLOWED:
            return self.answer(401, [("WWW-Authenticate", 'Basic realm="test"')])
        if kind in ("git", "git-secret"):
            return self.git("/" + rest)
        is_kind = kind in ("bare", "named", "secret", "short", "stall")
        whole = DIRECTORY / urllib.parse.unquote(rest if is_kind else path[1:])
        if not whole.is_file():
            return self.answer(404)
        data = whole.read_bytes()
        if kind in ("short", "stall"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if kind == "stall":
                PORTFILE.with_name(PORTFILE.name + ".stalled").touch()
                time.sleep(600)
            self.close_connection = True
            return None
        if kind == "bare":
            return self.answer(200, (), data)
        etag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
        headers = [("ETag", etag), ("Last-Modified", email.utils.formatdate(whole.stat().st_mtime, usegmt=True))]
        if kind == "named":
            headers.append(("Content-Disposition", 'attachment; filename="../../evil"'))
        if self.headers.get("If-None-Match") == etag:
            return self.answer(304, headers)
        return self.answer(200, headers, data)

    def git(self, path):
        """git http-backend is a CGI program."""
        url = urllib.parse.urlsplit(self.path)
        env = dict(os.environ, GIT_PROJECT_ROOT=str(DIRECTORY.resolve()), GIT_HTTP_EXPORT_ALL="1",
                   PATH_INFO=urllib.parse.unquote(path), QUERY_STRING=url.query, REQUEST_METHOD=self.command,
                   CONTENT_TYPE=self.headers.get("Content-Type", ""),
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
                   GIT_PROTOCOL=self.headers.get("Git-Protocol", ""), REMOTE_ADDR="127.0.0.1")
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        out = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=False).stdout
        head, _, data = out.partition(b"\r\n\r\n")
        headers, status = [], 200
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        return self.answer(status, headers, data)


ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
LOG.touch()
PORTFILE.write_text(str(server.server_port))
server.serve_forever()
