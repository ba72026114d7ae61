"""`python -m bench.xapi_callers FILE`: sends xAPI statements to an LRS, and prints how many a
second it stored. A process of its own, so that the server's Python does not wait for it.
"""

import base64
import http.client
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VERSION = "1.0.3"


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
    """Return the bodies of each caller, made before the clock runs: real statements, new ids."""
    lines = Path(load.source).read_text().splitlines()
    statements = [json.loads(lines[place % len(lines)]) for place in range(load.count)]
    for each in statements:
        each["id"] = str(uuid.uuid4())
    bodies = [_body(each) for each in _chunks(statements, load.batch)]
    return [bodies[first :: load.callers] for first in range(load.callers)]


def tell(load: Load, file: Path) -> None:
    """Write a load for `main`."""
    file.write_text(json.dumps(asdict(load)))


def _body(statements: Sequence[Any]) -> bytes:
    return json.dumps(statements[0] if len(statements) == 1 else list(statements)).encode()


def _send(lrs: Lrs, bodies: Sequence[bytes], gate: threading.Barrier) -> None:
    at = urlsplit(lrs.url)
    connection = http.client.HTTPConnection(at.netloc, timeout=120)
    secret = base64.b64encode(f"{lrs.user}:{lrs.password}".encode()).decode()
    headers = {
        "Authorization": f"Basic {secret}",
        "Content-Type": "application/json",
        "X-Experience-API-Version": VERSION,
    }
    gate.wait()
    for body in bodies:
        connection.request("POST", at.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status} {text[:500]!r}")


def _chunks(rows: Iterable[Any], size: int) -> Iterable[list[Any]]:
    source = iter(rows)
    while chunk := list(islice(source, size)):
        yield chunk


if __name__ == "__main__":
    main(Path(sys.argv[1]))
