"""What operators and orchestrators ask a process over HTTP: /metrics, /live, /ready.

/metrics  Prometheus text, or OpenMetrics where the scraper accepts it
/live     200 as long as the process answers here; what its role can do, /ready tells
/ready    200 when every part is ready, else 503; the body names each part: {"mongodb": true}
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
    """The running server, in threads that don't keep the process alive (green ones in a worker)."""

    def __init__(self, address: str, ready: Ready) -> None:
        host, _, port = address.rpartition(":")
        server = _Server6 if host.startswith("[") else _Server
        self._server = server((host.strip("[]"), int(port)), _handler(ready))
        self.port: int = self._server.server_address[1]
        """The port it listens on, also where `address` asked for port 0."""
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
    """Serve at `address` ("host:port") from now on. `ready` tells each part's state when asked."""
    return OpsServer(address, ready)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A stop must not wait for a scraper that holds its connection open.
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(ready: Ready) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds; a silent connection may not hold a thread for longer
        server_version, sys_version = "tandem", ""

        def do_GET(self) -> None:
            status, kind, body = _answer(self.path, self.headers.get("Accept", ""), ready)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes come every few seconds; a line for each would bury the rest."""

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
        return _readiness(ready)
    return 404, "text/plain", b"/metrics, /live, /ready\n"


def _readiness(ready: Ready) -> Answer:
    parts = dict(ready())
    status = 200 if all(parts.values()) else 503
    return status, "application/json", json.dumps(parts).encode()
