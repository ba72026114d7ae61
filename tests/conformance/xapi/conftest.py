"""The whole LRS behind the real edge, on a database of its own."""

import base64
from collections.abc import Iterator

import pytest

from chassis.data.store import Database
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.usecases.credentials import CreateLrsCredential, create_lrs_credential
from services.progress.xapi.lrs import lrs as endpoints
from tests.conformance.xapi.resources import BASE, Resources
from tests.conftest import FakeClock
from tests.databases import Databases


@pytest.fixture(scope="session")
def xapi_clock() -> FakeClock:
    """The clock of the LRS."""
    return FakeClock()


@pytest.fixture(scope="session")
def xapi_database(databases: Databases, xapi_clock: FakeClock) -> Iterator[Database[ProgressStore]]:
    """Progress's database, one for all tests; each test names things of its own."""
    database = databases.take(ProgressStore, xapi_clock)
    yield database
    databases.give_back(ProgressStore, database.mongo.name)


@pytest.fixture(scope="session")
def xapi_port(
    xapi_database: Database[ProgressStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of an LRS behind the real edge."""
    jwks = Issuer().write_jwks(tmp_path_factory.mktemp("lrs") / "jwks.json")
    chosen = settings_for(jwks)
    server = Server(chosen, "tests", xapi_database, [], endpoints=endpoints(xapi_database, BASE))
    server.start()
    yield server.http_port
    server.drain(chosen.drain)


@pytest.fixture(params=Version, ids=lambda each: each.value)
def documents(
    xapi_port: int, xapi_database: Database[ProgressStore], request: pytest.FixtureRequest
) -> Iterator[Resources]:
    """The resources of documents, agents and activities, in each version."""
    command = CreateLrsCredential("all", ("all",), ())
    made = xapi_database.transact(lambda store: create_lrs_credential(store, command, "tests"))
    pair = f"{made.credential.id}:{made.secret}".encode()
    basic = f"Basic {base64.b64encode(pair).decode()}"
    resources = Resources(xapi_port, basic, request.param)
    yield resources
    resources.close()
