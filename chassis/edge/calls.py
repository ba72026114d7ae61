"""Calls of others' servers by HTTP, with limits that no server can stretch.

This is httpcore, on which httpx is built, with connections that end in time
(chassis/edge/http/outgoing.py). Nothing is decompressed and no redirect is followed.
"""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpcore

from chassis.edge.http.outgoing import TimedSockets

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
LATER = frozenset({408, 425, 429})
"""Statuses that ask to come again (RFC 9110, section 15.5.9; RFC 8470; RFC 6585, section 4)."""
IDLE = 5.0  # seconds that a connection stays open for the next call


class CallFailed(Exception):
    """A call has no answer, or not a whole one."""


class NotReached(CallFailed):
    """There was no connection: the server knows nothing of the call."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds, and how large its answer may be, in bytes."""

    connect: float = 3.0
    read: float = 10.0
    """From one piece of the answer to the next."""
    total: float = 30.0
    size: int = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: bytes = field(repr=False)

    @property
    def retry_after(self) -> float:
        """Return the seconds that the header Retry-After asks for; 0 if it tells nothing."""
        return retry_after(self.headers)


class Caller:
    """Makes calls over connections that stay open a while; for one thread. Use it in a `with`.

    `sockets`: opens connections; None: to wherever a URL leads.
    """

    def __init__(self, limits: Limits, sockets: httpcore.NetworkBackend | None = None) -> None:
        self._limits = limits
        self._sockets = TimedSockets(sockets or httpcore.SyncBackend(), limits.total)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trust(),
            keepalive_expiry=IDLE,
            network_backend=self._sockets,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close()

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Make a call and return its answer, whatever its status. Raises CallFailed."""
        with self.opened(method, url, headers, body) as response:
            content = _limited(response.iter_stream(), self._limits.size)
            return Answer(response.status, by_name(response.headers), content)

    @contextmanager
    def opened(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Iterator[httpcore.Response]:
        """Make a call, and give its answer before its body is read.

        Raises CallFailed, also for what goes wrong while the body is read in the block.
        """
        limits = self._limits
        self._sockets.begin(limits.total)
        sent = {"accept-encoding": "identity", **(headers or {})}
        timeouts = {"connect": limits.connect, "read": limits.read, "write": limits.read}
        try:
            with self._pool.stream(
                method,
                url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=body,
                extensions={"timeout": timeouts},
            ) as response:
                yield response
        except httpcore.ConnectTimeout:
            raise NotReached("it does not answer in time") from None
        except httpcore.ConnectError as error:
            raise NotReached(f"the connection failed: {error or type(error).__name__}") from None
        except UnicodeError:  # Python's, of a label that is empty or longer than 63
            raise NotReached("its host is no name of the DNS") from None
        except httpcore.TimeoutException:
            raise CallFailed("it does not answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise CallFailed(f"the connection failed: {error or type(error).__name__}") from None


class Calling:
    """What calls by a caller of its own, and ends with it. Use it in a `with`."""

    _caller: Caller

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._caller.__exit__(kind, error, trace)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that the header Retry-After asks for; 0 if it tells nothing.

    It has seconds or a date (RFC 9110, section 10.2.3), or an instant by ISO 8601, as some servers
    write it. A date counts from the answer's own Date, so that the clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = instant(text), instant(headers.get("date", ""))
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds()) if until else 0.0


def instant(text: str) -> datetime | None:
    """Return the instant that a header tells (RFC 9110, section 5.6.7; ISO 8601); None: none."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = parse(text)
        except (ValueError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def is_safe(url: str) -> bool:
    """Return whether a URL is one of HTTPS, or of this machine: secrets go nowhere else."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_local = parts.scheme == "http" and host in LOCAL
    return bool(host) and url.isascii() and (parts.scheme == "https" or is_local)


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name."""
    return {name.decode("ascii").lower(): value.decode("latin-1") for name, value in headers}


@cache
def _trust() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def _limited(pieces: Iterable[bytes], size: int) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > size:
            raise CallFailed(f"its answer is longer than {size} bytes")
    return bytes(content)
