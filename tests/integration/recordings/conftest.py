"""A school with a meeting server, and a library into which its recordings are copied."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.integration.library.conftest import (  # noqa: F401
    environment,
    library_settings,
    s3_files,
    shelves,
)
from tests.integration.library.shelves import Shelves
from tests.integration.recordings.cinema import Cinema
from tests.integration.sessions.conftest import school  # noqa: F401
from tests.integration.sessions.hosting import MeetingServer, hosted, meeting_server
from tests.integration.sessions.school import School


@pytest.fixture
def server(clock: FakeClock) -> Iterator[MeetingServer]:
    """A meeting server."""
    with meeting_server(clock) as found:
        yield found


@pytest.fixture
def cinema(
    school: School,  # noqa: F811
    shelves: Shelves,  # noqa: F811
    clock: FakeClock,
    tmp_path: Path,
    server: MeetingServer,
) -> Iterator[Cinema]:
    """A school whose recordings are copied; one learner is enrolled."""
    with hosted(school, clock, tmp_path) as house:
        house.serve(100, alpha=server)
        school.enrol("ada")
        yield Cinema(house, shelves, server)
