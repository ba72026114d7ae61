"""Ports are remembered, and chosen again only if another process has taken one."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from campus.stack.ports import HOST, Ports, is_free, is_open


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return Ports(tmp_path / "part" / "ports.json")


def listener(port: int) -> socket.socket:
    return socket.create_server((HOST, port))


def test_each_name_gets_a_free_port_of_its_own(ports: Ports) -> None:
    """Ports claimed together are free and all different."""
    claimed = ports.claim("a", "b", "c")
    assert list(claimed) == ["a", "b", "c"]
    assert len(set(claimed.values())) == 3
    assert all(is_free(port) for port in claimed.values())


def test_ports_stay_out_of_the_ephemeral_range(ports: Ports) -> None:
    """A claimed port can't be lost to an outgoing connection while its server is down."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert ports.claim("a")["a"] < low


def test_what_another_program_chose_is_not_chosen(ports: Ports) -> None:
    """A port that a program has chosen stays its own before its server listens, until it ends."""
    port = ports.claim("a")["a"]
    script = f"from campus.stack import ports; print(ports._reserve({port}))"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert other.stdout.strip() == b"False"
    never_chosen = subprocess.run(
        [sys.executable, "-c", script.replace(str(port), "19999")], capture_output=True, check=True
    )
    assert never_chosen.stdout.strip() == b"True"


def test_a_claim_is_repeated_by_another_object(ports: Ports, tmp_path: Path) -> None:
    """A later reader of the file gets the same ports."""
    claimed = ports.claim("a", "b")
    again = Ports(tmp_path / "part" / "ports.json")
    assert again.remembered() == claimed
    assert again.claim("a", "b") == claimed


def test_a_taken_port_alone_is_replaced(ports: Ports) -> None:
    """A stranger on one port costs that port and no other."""
    before = ports.claim("a", "b")
    with listener(before["a"]):
        after = ports.claim("a", "b")
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]


def test_a_connection_that_has_just_ended_does_not_cost_the_port(ports: Ports) -> None:
    """A port whose last connection is in TIME_WAIT counts as free."""
    port = ports.claim("a")["a"]
    with listener(port) as server, socket.create_connection((HOST, port)):
        server.accept()[0].close()  # the server closes first, so TIME_WAIT is on its side
    assert is_free(port)


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"a": "x"}', '{"a": null}'])
def test_a_spoilt_file_is_as_good_as_none(ports: Ports, tmp_path: Path, spoilt: str) -> None:
    """A damaged file after a crash does no harm."""
    ports.claim("a")
    (tmp_path / "part" / "ports.json").write_text(spoilt)
    assert ports.remembered() == {}
    assert is_free(ports.claim("a")["a"])


def test_is_open_tells_a_listener_from_none(ports: Ports) -> None:
    """A port is open while something listens on it."""
    port = ports.claim("a")["a"]
    assert not is_open(port)
    with listener(port):
        assert is_open(port)
        assert not is_free(port)
