"""A small real HTTP server that answers what a test tells it, and remembers what it was asked."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from services.sessions.providers.http import Limits

Pour = Callable[[BufferedIOBase], None]
PATIENT = Limits(connect=60, read=60, total=60)
"""For answers that come: a busy machine may take its time."""


@dataclass(frozen=True)
class Canned:
    """An answer. With `pour`, this writes all of it, beginning with the status line."""

    body: str | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pour: Pour | None = None


@dataclass(frozen=True)
class Seen:
    """A request, as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Return the path of the target."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters of the target."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class Replay:
    """The server: `plan` says what it answers next, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[Seen] = []
        self._next: deque[Canned] = deque()

    def plan(self, *answers: Canned) -> None:
        """Answer the next requests so."""
        self._next.extend(answers)

    def answer(self, seen: Seen) -> Canned:
        """Return the next answer; a request that nobody planned is a fault of its own."""
        self.seen.append(seen)
        return self._next.popleft() if self._next else Canned("nobody planned this", 599)

    @property
    def is_done(self) -> bool:
        """Return whether all planned answers were fetched."""
        return not self._next


@contextmanager
def replaying() -> Iterator[Replay]:
    """Run a server for a while."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            canned = replay.answer(Seen(self.command, self.path, headers, body))
            if canned.pour:
                _pour(canned.pour, self.wfile)
                self.close_connection = True
                return
            content = canned.body.encode() if isinstance(canned.body, str) else canned.body
            self.send_response(canned.status)
            for name, value in canned.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    replay = Replay(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pour(pour: Pour, file: BufferedIOBase) -> None:
    """Write until the caller has had enough."""
    try:
        pour(file)
    except OSError:
        return
