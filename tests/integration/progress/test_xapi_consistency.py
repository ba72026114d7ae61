"""Until when the LRS's statements can be read, as its answers tell."""

import pytest

from services.progress.xapi.consistency import LATELY, Consistency
from tests.integration.progress.classroom import Classroom


class Seconds:
    """A clock that a test sets."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_what_was_consistent_lately_is_not_asked_again(
    classroom: Classroom, seconds: Seconds
) -> None:
    """For a second it stays as it was read last; then, and where a query needs it, it is read."""
    consistency = Consistency(classroom.database, seconds)
    first = consistency.lately()
    classroom.clock.forward(seconds=10)
    seconds.at += LATELY
    assert consistency.lately() == first
    now = consistency.now()
    assert consistency.lately() == now > first
    classroom.clock.forward(seconds=10)
    seconds.at += LATELY + 0.001
    assert consistency.lately() > now
