"""A server that answers HTTP, and its callers."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import grpc

from chassis.edge.grpc.client import calling_with
from chassis.edge.server import Server
from chassis.testing import Issuer
from tests.integration.chassis.test_grpc_edge import Notify

PATH = "/tandem.notify.v1.NotifyService/GetPreferences"
METHOD = "tandem.notify.v1.NotifyService.GetPreferences"
ADA = b'{"personId": "ada"}'


class Answer(NamedTuple):
    """An answer by HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


class Running:
    """A server that runs, and its callers."""

    def __init__(self, server: Server, issuer: Issuer, notify: Notify) -> None:
        self.server, self.issuer, self.notify = server, issuer, notify

    def headers(self, person: str = "ada", *roles: str, **more: str) -> dict[str, str]:
        """What a person's request has; names in `more` are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        token = {"authorization": f"Bearer {self.issuer.token(person, roles)}"} if person else {}
        return {"content-type": "application/json", **token, **named}

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=60)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with closing(self.connection()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            found = connection.getresponse()
            return Answer(found.status, dict(found.getheaders()), found.read())

    def post(self, body: Any = ADA, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for preferences, as ada unless `headers` say otherwise."""
        return self.send("POST", PATH, body, self.headers() if headers is None else headers)

    def silent(self, headers: Mapping[str, str]) -> socket.socket:
        """A caller that sends headers and no body."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {PATH} HTTP/1.1\r\nhost: tandem\r\ncontent-length: 20\r\n{lines}\r\n"
        found = socket.create_connection(("127.0.0.1", self.server.http_port), timeout=60)
        found.sendall(head.encode())
        return found

    def reading(self, bodies: int) -> bool:
        """Whether so many requests have room for their bodies now."""
        return len(self.server.pipeline.admission.bodies._held) == bodies

    @contextmanager
    def channel(self, person: str = "ada", *roles: str) -> Iterator[grpc.Channel]:
        """The same server by gRPC."""
        token = self.issuer.token(person, roles)
        with grpc.insecure_channel(f"127.0.0.1:{self.server.port}") as plain:
            yield calling_with(plain, lambda: token)


Run = Callable[..., Running]


def raising(error: Exception) -> Callable[[Any], Any]:
    """Service's code that fails."""

    def fail(_: Any) -> Any:
        raise error

    return fail


def read_status(found: socket.socket) -> int:
    """The status of the answer that comes there."""
    answer = http.client.HTTPResponse(found)
    answer.begin()
    return answer.status
