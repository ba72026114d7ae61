"""Downloads of recordings' files: in pieces, with limits, and only from where they may come.

A URL is what a server told us, and a redirect what another one did. So each is of HTTPS, and leads
to the provider's own server or to public addresses: to nothing else that this process can reach.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO
from urllib.parse import urljoin

import httpcore

from chassis.edge.http.outgoing import ForbiddenAddress, GuardedSockets
from services.sessions.domain.meetings import RecordedFile
from services.sessions.providers.http import (
    SHOWN,
    Answer,
    Limits,
    by_name,
    is_safe,
    opened,
    require_success,
)
from services.sessions.providers.port import MeetingProvider, ProviderRefused

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BROKEN = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)


class CutShort(Exception):
    """A file broke off, or is not as long as it was told: try again."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was downloaded."""

    size: int
    """In bytes."""
    sha256: str
    """64 lower-case hex digits."""


def download(
    provider: MeetingProvider,
    file: RecordedFile,
    into: BinaryIO,
    limits: Limits,
    go_on: Callable[[], object] = lambda: None,
) -> Fetched:
    """Write a file of a recording into an open file, and return what it is.

    `go_on` is called after each piece, and may raise. Raises ProviderAway; ProviderRefused, also
    for a file that is larger than `limits.size`, and for a URL that leads where it may not;
    CutShort.
    """
    url, end = file.url, time.monotonic() + limits.total
    for _ in range(MOST_REDIRECTS + 1):
        left = replace(limits, total=end - time.monotonic())
        with _asked(provider, url, left) as response:
            target = _target_of(url, response)
            if target is None:
                return _written(response, file, into, limits.size, go_on)
        url = target
    raise ProviderRefused(f"its file redirects more than {MOST_REDIRECTS} times")


@contextmanager
def _asked(provider: MeetingProvider, url: str, limits: Limits) -> Iterator[httpcore.Response]:
    if not is_safe(url):
        raise ProviderRefused(f"its file is at {url[:SHOWN]!a}, which is not of HTTPS")
    is_own = provider.is_own(url)
    sockets = httpcore.SyncBackend() if is_own else GuardedSockets()
    headers = provider.fetch_headers(url)
    try:
        with opened("GET", url, headers=headers, limits=limits, sockets=sockets) as response:
            yield response
    except ForbiddenAddress as error:
        raise ProviderRefused(f"its file is at no public address: {error}") from error


def _target_of(url: str, response: httpcore.Response) -> str | None:
    """Return where a redirect leads; None if it is none."""
    target = by_name(response.headers).get("location")
    return urljoin(url, target) if response.status in _REDIRECTS and target else None


def _written(
    response: httpcore.Response,
    file: RecordedFile,
    into: BinaryIO,
    most: int,
    go_on: Callable[[], object],
) -> Fetched:
    headers = by_name(response.headers)
    require_success(Answer(response.status, headers, b""))
    told = headers.get("content-length", "")
    _require_size(int(told) if told.isascii() and told.isdigit() else file.size, most)
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(response):
        size += len(piece)
        _require_size(size, most)
        digest.update(piece)
        into.write(piece)
        go_on()
    if not size or file.size not in (0, size):
        raise CutShort(f"its file has {size} bytes, and {file.size or 'some'} were told")
    return Fetched(size, digest.hexdigest())


def _pieces(response: httpcore.Response) -> Iterable[bytes]:
    try:
        yield from response.iter_stream()
    except _BROKEN as error:
        raise CutShort(f"its file broke off: {error or type(error).__name__}") from error


def _require_size(size: int, most: int) -> None:
    if size > most:
        raise ProviderRefused(f"its file has more than {most} bytes")
