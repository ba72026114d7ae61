"""Servers that speak the protocols of a push service and of a gateway of text messages, browsers
that read what they get, and telephones. Nothing of notify's own code checks notify here.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ACCOUNT, TOKEN = "AC" + "0" * 32, "a secret/of ours"
HANG_UP = 0
"""As a status: the connection ends after the request, without an answer."""

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Request:
    """What a server got."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Server:
    """A server that gives the answers of a test; without answers left, it agrees."""

    origin: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def answer(self, request: Request) -> Answer:
        """The answer to a request."""
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else self.agreed(request)

    def agreed(self, request: Request) -> Answer:
        """The answer of a server that has what it wants."""
        raise NotImplementedError


class PushService(Server):
    """A push service (RFC 8030) that asks for VAPID (RFC 8292)."""

    def __init__(self, public_key: str) -> None:
        super().__init__()
        self.public_key = public_key

    def agreed(self, request: Request) -> Answer:
        """201, or 403 if the token or another header is not as the RFCs have it."""
        headers = request.headers
        words = headers["authorization"].removeprefix("vapid ").split(", ")
        given = dict(word.split("=", 1) for word in words)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _raw(given["k"]))
        try:
            told = jwt.decode(given["t"], key, ["ES256"], audience=self.origin)
        except jwt.InvalidTokenError as error:
            return 403, {}, str(error).encode()
        right = (
            given["k"] == self.public_key
            and told["exp"] <= time.time() + 24 * 3600
            and told["sub"].startswith("mailto:")
            and headers["content-encoding"] == "aes128gcm"
            and int(headers["ttl"]) >= 0
            and headers["urgency"] in {"very-low", "low", "normal", "high"}
            and 0 < len(headers["topic"]) <= 32
            and len(request.body) <= 4096
        )
        return (201 if right else 400), {"location": f"{self.origin}/m/1"}, b""


class Gateway(Server):
    """A gateway with Twilio's API: the resource Messages."""

    def agreed(self, request: Request) -> Answer:
        """201 with the message, or 401."""
        basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if basic != f"{ACCOUNT}:{TOKEN}":
            return error(401, 20003)
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return error(404, 20404)
        return 201, {}, json.dumps({"sid": "SM1", "status": "queued"}).encode()

    @property
    def url(self) -> str:
        """The gateway with its account, as notify's setting has it."""
        return self.origin.replace("://", f"://{ACCOUNT}:a%20secret%2Fof%20ours@")

    def sent(self) -> list[tuple[str, str]]:
        """Numbers and texts."""
        forms = [parse_qs(each.body.decode(), strict_parsing=True) for each in self.requests]
        return [(form["To"][0], form["Body"][0]) for form in forms]


def error(status: int, code: int, **headers: str) -> Answer:
    """An error as Twilio tells it; its words have the number."""
    words = {"code": code, "message": "not to +353851234567", "status": status}
    return status, headers, json.dumps(words).encode()


@contextmanager
def listening(server: Server) -> Iterator[None]:
    """Run a server; its `origin` is set."""
    handler = type("Handler", (_Handler,), {"server_of_test": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        server.origin = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_of_test: Server

    def setup(self) -> None:
        super().setup()
        self.server_of_test.connections += 1

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        status, more, text = self.server_of_test.answer(Request(self.path, headers, body))
        if status == HANG_UP:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Browser:
    """A browser with a subscription, which reads what a push service passes on (RFC 8291)."""

    def __init__(self, service: Server, name: str = "one") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = name.encode().ljust(16, b"-")
        self.endpoint = f"{service.origin}/push/{name}"
        self._service = service

    @property
    def subscription(self) -> dict[str, str]:
        """As `PushSubscription.toJSON` has it."""
        return {
            "endpoint": self.endpoint,
            "p256dh": _text(_point(self._key)),
            "auth": _text(self._auth),
        }

    def messages(self) -> list[dict[str, Any]]:
        """What came, in order."""
        path = self.endpoint.removeprefix(self._service.origin)
        return [
            json.loads(self._opened(each.body))
            for each in self._service.requests
            if each.path == path
        ]

    def _opened(self, body: bytes) -> bytes:
        """Decrypt one record of aes128gcm (RFC 8188), as RFC 8291, section 3.4 has it."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self._key.exchange(ec.ECDH(), point)
        info = b"WebPush: info\0" + _point(self._key) + theirs
        secret = _hmac(_hmac(self._auth, shared), info + b"\1")
        start = _hmac(salt, secret)
        key = _hmac(start, b"Content-Encoding: aes128gcm\0\1")[:16]
        nonce = _hmac(start, b"Content-Encoding: nonce\0\1")[:12]
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        text, delimiter, padding = padded.rpartition(b"\2")
        assert delimiter
        assert not padding.strip(b"\0")
        return text


def _hmac(key: bytes, text: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(text)
    return made.finalize()


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
