"""The probe that a container's engine runs."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

from chassis.operations import ops

Serve = Callable[[Mapping[str, bool]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a role's state; answers at which port."""
    servers: list[ops.OpsServer] = []

    def start(state: Mapping[str, bool]) -> int:
        servers.append(ops.serve("127.0.0.1:0", lambda: state))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


def probe(address: str) -> "subprocess.CompletedProcess[str]":
    """The result of the probe of a role at an address."""
    return subprocess.run(
        [sys.executable, "-m", "chassis.operations.probe"],
        env={**os.environ, "TANDEM_OPS_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_ready_role_passes(serve: Serve) -> None:
    """The port is enough: in a container the role listens on all addresses."""
    assert probe(f"0.0.0.0:{serve({'mongodb': True})}").returncode == 0


def test_a_role_that_waits_fails_and_says_for_what(serve: Serve) -> None:
    """The engine's record of the probe contains what is missing."""
    done = probe(f"127.0.0.1:{serve({'mongodb': False})}")
    assert done.returncode == 1
    assert '"mongodb": false' in done.stderr


@pytest.mark.parametrize(("address", "says"), [("127.0.0.1:1", "refused"), ("", "host:port")])
def test_where_nobody_answers_it_fails(address: str, says: str) -> None:
    """The probe gives the reason, without a traceback."""
    done = probe(address)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
