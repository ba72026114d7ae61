"""The school, for each test its own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tandem.sessions.v1 import sessions_pb2

from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.testing import Issuer, running, settings_for
from services.sessions import rights
from services.sessions.api import SessionsApi
from services.sessions.pages_calendars import Calendars, feed_urls
from services.sessions.store import SessionsStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.sessions.calendars import KEY, Office
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


@pytest.fixture
def office(school: School, tmp_path: Path) -> Iterator[Office]:
    """Calendars behind the real edge; the URLs name the server that answers them."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    calendars = Calendars(school.database, feed_urls("http://none", KEY))
    server = Server(chosen, "tests", school.database, [], [calendars.page()])
    server.start()
    calendars._urls = feed_urls(f"http://127.0.0.1:{server.http_port}", KEY)
    school.api._feed_urls = calendars._urls
    yield Office(school, calendars)
    server.drain(chosen.drain)
