#!/usr/bin/python3
"""token_server.py KEY CERTIFICATE PORTFILE - gives docker-registry's clients tokens (distribution's auth/token and auth/oauth):
all rights to tom with password secret, or to who shows the refresh token that tom got; reading public/… to anybody. A line on
standard output says what each asked with."""
import base64
import http.server
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse
import uuid

KEY, CERTIFICATE, PORTFILE = (pathlib.Path(word) for word in sys.argv[1:4])
PASSWORD = "Basic " + base64.b64encode(b"tom:secret").decode()
REFRESH = "refresh-" + uuid.uuid4().hex
LIFE_S = 60


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(access):
    der = "".join(line for line in CERTIFICATE.read_text().splitlines() if not line.startswith("-"))
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    claims = {"iss": "test", "sub": "tom", "aud": "test", "exp": now + LIFE_S, "nbf": now - 10, "iat": now,
              "jti": uuid.uuid4().hex, "access": access}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(KEY)], input=signed.encode(),
                               stdout=subprocess.PIPE, check=True).stdout
    return signed + "." + encoded(signature)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def give(self, query, known, how):
        print(how, flush=True)
        scopes = [scope.rsplit(":", 2) for text in query.get("scope", []) for scope in text.split()]
        access = [{"type": kind, "name": name, "actions": actions.split(",") if known else ["pull"]}
                  for kind, name, actions in scopes if known or name.startswith("public/")]
        answer = {"token": token(access), "expires_in": LIFE_S}
        if known and query.get("offline_token") == ["true"]:
            answer["refresh_token"] = REFRESH
        self.answer(200, answer)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization")
        if given not in (None, PASSWORD):
            return self.answer(401, {"details": "who?"})
        return self.give(query, given is not None, "password" if given else "nobody")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = urllib.parse.parse_qs(body)
        if query.get("grant_type") != ["refresh_token"] or query.get("refresh_token") != [REFRESH]:
            return self.answer(401, {"details": "who?"})
        return self.give(query, True, "refresh token")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
PORTFILE.write_text(str(server.server_port))
server.serve_forever()
