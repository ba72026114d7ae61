"""Fixtures of the LRS's conformance tests."""

from collections.abc import Iterator

import pytest

from chassis.data.store import Database
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from tests.conformance.xapi.resources import Lrs
from tests.conftest import FakeClock
from tests.databases import Databases


@pytest.fixture(scope="module")
def xapi_clock() -> FakeClock:
    """The clock of a module's tests."""
    return FakeClock()


@pytest.fixture(scope="module")
def xapi_database(databases: Databases, xapi_clock: FakeClock) -> Iterator[Database[ProgressStore]]:
    """Progress's database, one for all tests of a module; each test names things of its own."""
    database = databases.take(ProgressStore, xapi_clock)
    yield database
    databases.give_back(ProgressStore, database.mongo.name)


@pytest.fixture(params=Version, ids=lambda each: each.value)
def documents(xapi_database: Database[ProgressStore], request: pytest.FixtureRequest) -> Lrs:
    """The resources of documents, agents and activities, in each version."""
    return Lrs(xapi_database, request.param)
