"""Downloads of recordings' files: in pieces, with limits, and only from where they may come.

A URL is what a server told us, and a redirect what another one did. So each is of HTTPS, and leads
to the provider's own server or to public addresses: to nothing else that this process can reach.
"""

import hashlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import BinaryIO
from urllib.parse import urljoin

import httpcore

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
    sockets = httpcore.SyncBackend() if is_own else PublicSockets()
    headers = provider.fetch_headers(url)
    with opened("GET", url, headers=headers, limits=limits, sockets=sockets) as response:
        yield response


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


class PublicSockets(httpcore.NetworkBackend):
    """Connects to public addresses only, and to the very address that was looked at."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        rest = port, timeout, local_address, socket_options
        *others, last = _public_addresses(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._sockets.connect_tcp(address, *rest)
        return self._sockets.connect_tcp(last, *rest)


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the internet's: of no network of ours, and no group.

    The registries of special-purpose addresses (RFC 6890) tell which are not.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast


def _public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host, all of which are public, each once."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(f"{host} has no address: {error}") from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not all(map(is_public, addresses)):
        raise ProviderRefused(f"its file is at {host[:SHOWN]!a}, which is no public address")
    return addresses
