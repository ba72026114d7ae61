"""The school, for each test its own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tandem.sessions.v1 import sessions_pb2

from chassis.edge.methods import Servicer
from chassis.testing import running
from services.sessions import rights
from services.sessions.api import SessionsApi
from services.sessions.store import SessionsStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.sessions.ical import install
from tests.integration.sessions.school import School


@pytest.fixture
def school(make_database: MakeDatabase, clock: FakeClock) -> Iterator[School]:
    """A school behind the real edge."""
    database = make_database(SessionsStore)
    served = SessionsApi(database)
    servicer = Servicer(
        served,
        sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"],
        partial(rights.relation, database),
    )
    with running([servicer], database) as channel_for:
        yield School(database, clock, channel_for, served)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ical.js."""
    return install(tmp_path_factory.mktemp("node"))
