"""Calls of meeting providers by HTTP, with limits that no server can stretch.

This is httpcore, on which httpx is built, with connections that end in time
(chassis/edge/http/outgoing.py). Nothing is decompressed and no redirect is followed; files are
fetched by download.py, which follows some.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import urlsplit

import httpcore

from chassis.edge.http.outgoing import TimedSockets
from services.sessions.domain.skew import Reading
from services.sessions.providers.port import ProviderAway, ProviderRefused

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
LATER = frozenset({408, 425, 429})
"""Statuses that ask to come again (RFC 9110, section 15.5.9; RFC 8470; RFC 6585, section 4)."""
SHOWN = 300
"""How many characters of a provider's words an error repeats."""


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


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits,
) -> Answer:
    """Make a call and return its answer, whatever its status. Raises ProviderAway."""
    with opened(
        method, url, headers=headers, body=body, limits=limits, sockets=httpcore.SyncBackend()
    ) as response:
        content = _limited(response.iter_stream(), limits.size)
        return Answer(response.status, by_name(response.headers), content)


@contextmanager
def opened(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    limits: Limits,
    sockets: httpcore.NetworkBackend,
) -> Iterator[httpcore.Response]:
    """Make a call, and give its answer before its body is read. `sockets`: opens connections.

    Raises ProviderAway, also for what goes wrong while the body is read in the block.
    """
    sent = {"accept-encoding": "identity", **(headers or {})}
    timeouts = {"connect": limits.connect, "read": limits.read, "write": limits.read}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_trust(), network_backend=TimedSockets(sockets, limits.total)
            ) as pool,
            pool.stream(
                method,
                url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            yield response
    except httpcore.TimeoutException:
        raise ProviderAway("it does not answer in time") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise ProviderAway(f"the connection failed: {error or type(error).__name__}") from None


def require_success(answer: Answer, explanation: str = "") -> None:
    """Raise ProviderAway or ProviderRefused unless the answer's status is one of success."""
    if 200 <= answer.status < 300:
        return
    reason = f"it answered with status {answer.status}"
    text = f"{reason}: {explanation[:SHOWN]}" if explanation else reason
    if answer.status >= 500 or answer.status in LATER:
        raise ProviderAway(text, retry_after(answer.headers))
    raise ProviderRefused(text)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that the header Retry-After asks for; 0 if it tells nothing.

    It has seconds or a date (RFC 9110, section 10.2.3), or an instant by ISO 8601, as Zoom's does.
    A date counts from the answer's own Date, so that the clocks need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = _instant(text), _instant(headers.get("date", ""))
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds()) if until else 0.0


def clock_reading(url: str, now: Callable[[], datetime], limits: Limits) -> Reading | None:
    """Read a server's clock by the header Date, which has whole seconds (RFC 9110, section 6.6.1).

    `now` reads ours. The answer's status does not matter. Raises ProviderAway.
    """
    sent = now()
    answer = call("GET", url, limits=limits)
    received = now()
    theirs = _instant(answer.headers.get("date", ""))
    if theirs is None:
        return None
    return Reading(sent=sent, theirs=theirs, received=received, precision=timedelta(seconds=1))


def is_safe(url: str) -> bool:
    """Return whether a URL is one of HTTPS, or of this machine: secrets go nowhere else."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_local = parts.scheme == "http" and host in LOCAL
    return bool(host) and url.isascii() and (parts.scheme == "https" or is_local)


def require_safe(url: str) -> str:
    """Return the URL. Raises ValueError if it is not safe."""
    if not is_safe(url):
        raise ValueError(
            f"{url!r} is no URL of a meeting provider; right would be one that begins with "
            "https://, or with http:// if the host is this machine"
        )
    return url


@cache
def _trust() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name."""
    return {name.decode("ascii").lower(): value.decode("latin-1") for name, value in headers}


def _limited(pieces: Iterable[bytes], size: int) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > size:
            raise ProviderAway(f"its answer is longer than {size} bytes")
    return bytes(content)


def _instant(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = parse(text)
        except (ValueError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
