"""One LRS for all tests of a file, in each version."""

from collections.abc import Iterator

import pytest

from chassis.data.store import Database
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.xapi.routes import routes
from tests.conformance.xapi.http.conftest import BASE, Lrs, serving
from tests.conformance.xapi.statements.client import Statements
from tests.conftest import FakeClock


@pytest.fixture(scope="module")
def running(
    xapi_database: Database[ProgressStore], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lrs, str]]:
    """An LRS that runs, and the credential of a client that may do everything."""
    folder = tmp_path_factory.mktemp("lrs")
    with serving(xapi_database, routes(xapi_database, BASE), folder) as server:
        lrs = Lrs(server, xapi_database)
        yield lrs, lrs.credential("all")


@pytest.fixture(params=Version, ids=lambda each: each.value)
def statements(
    running: tuple[Lrs, str], xapi_clock: FakeClock, request: pytest.FixtureRequest
) -> Statements:
    """The statements resource."""
    lrs, authorization = running
    return Statements(lrs, xapi_clock, request.param, authorization)
