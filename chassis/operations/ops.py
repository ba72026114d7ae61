"""The ops endpoint of a process for operators and orchestrators: /metrics, /live, /ready.

/metrics  Prometheus text, or OpenMetrics if the scraper accepts it
/live     200 as long as the process answers; /ready says whether its role can work
/ready    200 if every part is ready, else 503; the body names each part: {"mongodb": true}
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from chassis.operations import metrics

Ready = Callable[[], Mapping[str, bool]]
Answer = tuple[int, str, bytes]


class OpsServer:
    """The running server, in threads that don't keep the process alive (greenlets in a worker)."""

    def __init__(self, address: str, ready: Ready) -> None:
        host, _, port = address.rpartition(":")
        server = _Server6 if host.startswith("[") else _Server
        self._server = server((host.strip("[]"), int(port)), _handler(ready))
        self.port: int = self._server.server_address[1]
        """The port that it listens on, also if `address` has port 0."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(address: str, ready: Ready) -> OpsServer:
    """Serve at `address` ("host:port"). `ready` returns each part's state at each request."""
    return OpsServer(address, ready)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A stop must not wait for a scraper that holds its connection open.
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(ready: Ready) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds; a silent connection must not occupy a thread for longer
        server_version, sys_version = "tandem", ""

        def do_GET(self) -> None:
            status, kind, body = _answer(self.path, self.headers.get("Accept", ""), ready)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing: probes come every few seconds, and would bury all other lines."""

    return Handler


def _answer(path: str, accept: str, ready: Ready) -> Answer:
    route = path.partition("?")[0]
    if route == "/metrics":
        metrics.report_ready(ready())
        encode, kind = choose_encoder(accept)
        return 200, kind, encode(REGISTRY)
    if route == "/live":
        return 200, "application/json", b'{"live": true}'
    if route == "/ready":
        return readiness(ready)
    return 404, "text/plain", b"/metrics, /live, /ready\n"


def readiness(ready: Ready) -> Answer:
    """Return status, content type and body of the answer at /ready."""
    parts = dict(ready())
    status = 200 if all(parts.values()) else 503
    return status, "application/json", json.dumps(parts).encode()
