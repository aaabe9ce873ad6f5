"""Web servers on 10.9.9.1:8000 ("outside") and on loopback, port 8001 ("loopback"); a name server on
10.9.9.1 that gives every name the address 10.9.9.1."""
import http.server
import socket
import threading


def serve(address, port, text):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


serve("10.9.9.1", 8000, b"outside")
serve("127.0.0.1", 8001, b"loopback")
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("10.9.9.1", 53))
print("ready", flush=True)
while True:
    query, peer = names.recvfrom(1024)
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_a = question[-4:-2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + bytes([10, 9, 9, 1]) if is_a else b""
    names.sendto(query[:2] + b"\x81\x80\0\1\0" + bytes([1 if is_a else 0]) + b"\0\0\0\0" + question + answer, peer)
