"""A class that goes on, for each test its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sessions.live.replicas import LiveSchool, live_school
from tests.integration.sessions.school import School

LEARNERS = ("ada", "bea", "cat")


@pytest.fixture
def live(school: School, stack: dict[str, str], vhost: str, tmp_path: Path) -> Iterator[LiveSchool]:
    """A class with three learners, which has started."""
    with live_school(school, LEARNERS, vhost, stack["TANDEM_MONGO_URL"], tmp_path) as found:
        yield found
