"""Connections of outgoing HTTP calls (httpcore): they end in time, and lead where they may.

httpcore limits the time of each read, but not the time of all, so a server that sends a byte every
few seconds would hold its caller for days. And what a stranger's URL names may be inside of our own
network, or be there at the second look-up. So a name is looked up once, all of its addresses are
looked at, and the connection goes to one of these.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Iterable
from contextlib import suppress

import httpcore

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""The last 32 bits are an IPv4 address (RFC 6052, section 2.1)."""
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out as global unicast (IANA, "IPv6 Address Space"). Python takes the rest
for global too, where it knows no use of it: site-local addresses (fec0::/10), and IPv4 addresses
that are compatible or translated (::/96, ::ffff:0:0:0/96)."""
_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # it looks public; a cloud's machines find its services there
            "192.0.0.0/24",  # RFC 6890; so also the next, which Python 3.11 takes for public
            "192.88.99.0/24",  # RFC 7526: relays of 6to4, which are gone
            "2001::/23",
            "3fff::/20",  # RFC 9637: of documentation
        ),
    )
)


class ForbiddenAddress(Exception):
    """A name, or an address, to which no call may go."""


class TimedSockets(httpcore.NetworkBackend):
    """Opens connections that all end at the same time, however much arrives until then."""

    def __init__(self, sockets: httpcore.NetworkBackend, total: float) -> None:
        """`sockets`: opens connections; `total`: seconds, from now."""
        self._sockets = sockets
        self.begin(total)

    def begin(self, total: float) -> None:
        """Let open connections, and new ones, end in `total` seconds."""
        self._end = time.monotonic() + total

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._sockets.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self)

    def left(self, timeout: float | None) -> float:
        """Return the seconds that a step may take. Raises httpcore.ReadTimeout at the end."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the call took too long")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection that ends when its sockets say so."""

    def __init__(self, stream: httpcore.NetworkStream, timed: TimedSockets) -> None:
        self._stream, self._timed = stream, timed

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._timed.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._timed.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._timed.left(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._timed)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class GuardedSockets(httpcore.NetworkBackend):
    """Connects to public addresses, and those of `allowed` networks, and to the very address that
    was looked at. Raises ForbiddenAddress.
    """

    def __init__(self, allowed: Collection[Network] = (), public: bool = True) -> None:
        """`public`: whether other addresses than those of `allowed` are good."""
        self._allowed, self._public = allowed, public
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
        *others, last = self._addresses(host, port)
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._sockets.connect_tcp(address, *rest)
        return self._sockets.connect_tcp(last, *rest)

    def _addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, each once; all of them are good."""
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        if not all(map(self._is_good, addresses)):
            raise ForbiddenAddress(f"{host[:300]!a} leads to no address that is allowed")
        return addresses

    def _is_good(self, address: str) -> bool:
        found = _bare(ipaddress.ip_address(address))
        return any(found in each for each in self._allowed) or (self._public and is_public(address))


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the internet's: of no network of ours, and no group.

    The registries of special-purpose addresses (RFC 6890) tell which are not. An address that leads
    to one of IPv4 is as that.
    """
    found = _bare(ipaddress.ip_address(address))
    return _is_global(found) and not any(found in each for each in _SPECIAL)


def _is_global(address: Address) -> bool:
    is_given = address in _UNICAST if address.version == 6 else not address.is_multicast
    return address.is_global and is_given


def _bare(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to; another one as it is."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
