"""Servers that answer HTTP."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chassis.data.store import Database
from chassis.edge.http.endpoints import Endpoint
from chassis.edge.http.pages import Page
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from tests.conftest import MakeDatabase
from tests.integration.chassis.http.callers import Run, Running
from tests.integration.chassis.test_grpc_edge import NoStore, Notify, servicers


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[Any]:
    return make_database(NoStore)


@pytest.fixture
def run(database: Database[Any], tmp_path: Path) -> Iterator[Run]:
    """Runs servers; `settings`, `pages` and `endpoints` are theirs."""
    servers = []

    def start(
        pages: Sequence[Page] = (), endpoints: Sequence[Endpoint] = (), **settings: Any
    ) -> Running:
        issuer, notify = Issuer(), Notify()
        chosen = settings_for(issuer.write_jwks(tmp_path / "jwks"), **settings)
        server = Server(chosen, "tests", database, servicers(notify), pages, endpoints)
        server.start()
        servers.append((server, chosen))
        return Running(server, issuer, notify)

    yield start
    for server, chosen in servers:
        server.drain(chosen.drain)


@pytest.fixture
def running(run: Run) -> Running:
    return run()
