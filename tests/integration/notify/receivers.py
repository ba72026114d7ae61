"""A receiver of webhooks: a real server of HTTP or HTTPS that checks signatures as receivers do."""

import ipaddress
import json
import ssl
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook

Answer = int | Callable[[Any], int | None]
"""A status, or what answers by itself: it waits, and returns a status, or writes to the socket, and
returns None."""


class Receiver:
    """What came to a server; `answers` are taken in turn, then all is well."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: deque[Answer] = deque()
        self.always: Answer = 204
        self.secrets: list[str] = []
        """Those that its user keeps; a request must be signed with one of them."""
        self.got: list[dict[str, Any]] = []
        """The events that it answered with success."""
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    @property
    def ids(self) -> list[str]:
        """The ids of the events, in the order in which they came."""
        return [each["id"] for each in self.got]

    def repeats(self) -> int:
        """How many events came more than once."""
        return sum(count > 1 for count in Counter(self.ids).values())

    def check(self, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """The event of a request. Raises if no secret verifies it."""
        for secret in self.secrets[:-1]:
            try:
                return dict(Webhook(secret).verify(body.decode(), headers))
            except Exception:
                continue
        return dict(Webhook(self.secrets[-1]).verify(body.decode(), headers))


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver on a port of this machine; by HTTPS with a certificate and its key in a file."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answer a request."""
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.paths.append(self.path)
            receiver.headers.append(headers)
            answer = receiver.answers.popleft() if receiver.answers else receiver.always
            status = answer if isinstance(answer, int) else answer(self)
            if status is None:
                self.close_connection = True
                return
            if 200 <= status < 300:
                try:
                    receiver.got.append(receiver.check(headers, body))
                except Exception:
                    status = 401
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that left is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        receiver = Receiver(f"{scheme}://localhost:{server.server_address[1]}/hook")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()


def certificate(folder: Path, host: str = "localhost") -> Path:
    """A file with a new certificate for a host, which signs itself, and its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


LOCAL = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
"""The networks of this machine."""


def drip(handler: Any) -> None:
    """An answer that never ends, byte by byte, until the client leaves."""
    leaves = threading.Event()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not leaves.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def garbage(handler: Any) -> None:
    """An answer that is none."""
    handler.wfile.write(b"\x00\xff no http \r\n\r\n" + json.dumps({"a": 1}).encode())


def busy(status: int, *headers: str) -> Callable[[Any], None]:
    """An answer with a status and headers, and without a body."""

    def answered(handler: Any) -> None:
        lines = [f"HTTP/1.1 {status} Busy", *headers, "content-length: 0", "", ""]
        handler.wfile.write("\r\n".join(lines).encode())

    return answered


def flood(handler: Any) -> None:
    """An answer with a body that never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b" " * 65_536)


def hang_up(_: Any) -> None:
    """No answer: the connection ends."""
