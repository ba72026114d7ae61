"""`python -m bench.xapi_callers FILE`: sends xAPI statements to an LRS, and prints how many a
second it stored. A process of its own, so that the server's Python does not wait for it.
"""

import base64
import json
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from campus.parallel import chunks

VERSION = "1.0.3"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lrs:
    """Where statements are sent, and by whom."""

    url: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent."""

    lrs: Lrs
    source: str
    """A file with one statement a line."""
    count: int
    batch: int
    """Statements in one request; 1: each alone, as an object."""
    callers: int


def main(file: Path) -> None:
    """Send a load that a file tells; the callers share its requests."""
    told = json.loads(file.read_text())
    load = Load(**{**told, "lrs": Lrs(**told["lrs"])})
    shares = shares_of(load)
    gate = threading.Barrier(load.callers + 1)
    callers = [threading.Thread(target=_send, args=(load.lrs, each, gate)) for each in shares]
    for each in callers:
        each.start()
    gate.wait()
    began = time.perf_counter()
    for each in callers:
        each.join()
    print(load.count / (time.perf_counter() - began))


def shares_of(load: Load) -> list[list[bytes]]:
    """Return the requests of each caller, made before the clock runs, so that callers take little
    of the processors: real statements, new ids.
    """
    lines = Path(load.source).read_text().splitlines()
    statements = [json.loads(lines[place % len(lines)]) for place in range(load.count)]
    for each in statements:
        each["id"] = str(uuid.uuid4())
    requests = [_request(load.lrs, _body(each)) for each in chunks(statements, load.batch)]
    return [requests[first :: load.callers] for first in range(load.callers)]


def tell(load: Load, file: Path) -> None:
    """Write a load for `main`."""
    file.write_text(json.dumps(asdict(load)))


def _body(statements: Sequence[Any]) -> bytes:
    return json.dumps(statements[0] if len(statements) == 1 else list(statements)).encode()


def _request(lrs: Lrs, body: bytes) -> bytes:
    at = urlsplit(lrs.url)
    secret = base64.b64encode(f"{lrs.user}:{lrs.password}".encode()).decode()
    head = (
        f"POST {at.path} HTTP/1.1\r\n"
        f"Host: {at.netloc}\r\n"
        f"Authorization: Basic {secret}\r\n"
        "Content-Type: application/json\r\n"
        f"X-Experience-API-Version: {VERSION}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _send(lrs: Lrs, requests: Sequence[bytes], gate: threading.Barrier) -> None:
    at = urlsplit(lrs.url)
    with socket.create_connection((at.hostname, at.port), timeout=120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        gate.wait()
        for request in requests:
            connection.sendall(request)
            answer = _answer(connection)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"{answer[:1_000]!r}")


def _answer(connection: socket.socket) -> bytes:
    """Read a whole answer; both servers tell how long it is."""
    answer = b""
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += _more(connection)
    found = _LENGTH.search(answer, 0, end + 2)
    if not found:
        raise SystemExit(f"an answer tells no length: {answer[:1_000]!r}")
    whole = end + 4 + int(found[1])
    while len(answer) < whole:
        answer += _more(connection)
    return answer


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise SystemExit("the server closed a connection")
    return received


if __name__ == "__main__":
    main(Path(sys.argv[1]))
