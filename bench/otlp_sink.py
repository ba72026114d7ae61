"""Takes spans by OTLP over HTTP, and throws them away: `python -m bench.otlp_sink PORT`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from campus.stack.ports import HOST


class Sink(BaseHTTPRequestHandler):
    """Answers every export with an empty message: all was taken (OTLP 1, section OTLP/HTTP)."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read it, and forget it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """There is nothing to tell."""


if __name__ == "__main__":
    ThreadingHTTPServer((HOST, int(sys.argv[1])), Sink).serve_forever()
