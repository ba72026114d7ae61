"""Connections of outgoing calls: to public addresses only, and for a limited time."""

import ipaddress
import socket
from types import SimpleNamespace
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.edge.http import outgoing
from chassis.edge.http.outgoing import ForbiddenAddress, GuardedSockets, TimedSockets, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::8.8.8.8", True),
        ("2002:808:808::", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("172.16.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("fd00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fe80::1%1", False),
        ("ff02::1", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::8.8.8.8", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("fec0::1", False),
        ("5f00::1", False),
        ("3fff::1", False),
        ("192.88.99.1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False),
    ],
)
def test_public_addresses_are_the_internets(address: str, public: bool) -> None:
    """None of a private or special network (RFC 6890), no group, and none that leads there."""
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
def test_an_address_in_another_form_is_the_same(address: ipaddress.IPv4Address) -> None:
    """Mapped, by NAT64, and by 6to4."""
    number = int(address)
    forms = (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80)
    public = is_public(str(address))
    assert all(is_public(str(ipaddress.IPv6Address(form))) is public for form in forms)


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""

    def rows(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (each, 443)) for each in addresses]

    monkeypatch.setattr(outgoing, "socket", SimpleNamespace(getaddrinfo=rows, SOCK_STREAM=1))


@pytest.mark.parametrize(
    ("addresses", "allowed", "public"),
    [
        (["10.0.0.1"], [], True),
        (["8.8.8.8", "10.0.0.1"], [], True),
        (["10.0.0.1"], ["10.0.1.0/24"], True),
        (["8.8.8.8"], ["10.0.0.0/8"], False),
    ],
)
def test_forbidden_addresses(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], allowed: list[str], public: bool
) -> None:
    """All addresses of a name must be good, by the networks and by whether public ones are."""
    resolve(monkeypatch, *addresses)
    sockets = GuardedSockets([ipaddress.ip_network(each) for each in allowed], public)
    with pytest.raises(ForbiddenAddress, match="no address that is allowed"):
        sockets.connect_tcp("hook.example.edu", 443, timeout=1)


def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until one answers, as a machine without IPv6 needs it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        resolve(monkeypatch, "127.0.0.2", "127.0.0.1")  # only at the second one is a server
        sockets = GuardedSockets([ipaddress.ip_network("127.0.0.0/8")])
        port = server.getsockname()[1]
        sockets.connect_tcp("files.example.edu", port, timeout=60).close()


def test_a_name_without_an_address() -> None:
    """It is an error of the connection, also for a name that the DNS can't have."""
    for host in ("nowhere.invalid", "x" * 70 + ".invalid"):
        with pytest.raises(httpcore.ConnectError, match="has no address"):
            GuardedSockets().connect_tcp(host, 443, timeout=1)


def test_a_connection_ends_in_time() -> None:
    """However often something arrives; it begins anew when its user says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sockets = TimedSockets(httpcore.SyncBackend(), 60.0)
        stream = sockets.connect_tcp("127.0.0.1", server.getsockname()[1], timeout=60)
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"some")
            assert stream.read(1, timeout=60) == b"s"
            sockets.begin(0.0)
            with pytest.raises(httpcore.ReadTimeout):
                stream.read(1, timeout=60)
            sockets.begin(60.0)
            assert stream.read(1, timeout=60) == b"o"
        stream.close()
