"""What is kept of a learner, whatever the order in which it comes."""

from itertools import permutations

import pytest

from services.progress.domain.standing import Attendance, Standing, attended
from services.progress.domain.words import AttendanceVerdict

SETTLED = Attendance(AttendanceVerdict.ABSENT, sequence=40)
FIRST = Attendance(AttendanceVerdict.PRESENT, sequence=1, amended=True)
SECOND = Attendance(AttendanceVerdict.CAUGHT_UP, sequence=2, amended=True)
TAKEN_BACK = Attendance(None, sequence=3, amended=True)


@pytest.mark.parametrize("arrived", permutations([SETTLED, FIRST, SECOND]))
def test_the_last_amended_attendance_counts_in_any_order(arrived: tuple[Attendance, ...]) -> None:
    """An amended row counts more than the settled one, whose sequence is another aggregate's."""
    standing = Standing("run", "ada")
    for each in (*arrived, *arrived):
        standing = attended(standing, "session", each)
    assert standing.attendance == {"session": SECOND}


def test_what_was_taken_back_does_not_count_again() -> None:
    """Whatever older news comes after it."""
    standing = Standing("run", "ada")
    for each in (SECOND, TAKEN_BACK, FIRST, SETTLED):
        standing = attended(standing, "session", each)
    assert standing.attendance == {"session": TAKEN_BACK}


def test_the_settled_attendance_counts_until_it_is_amended() -> None:
    """Where nothing was amended, the settled row is kept."""
    assert attended(Standing("run", "ada"), "s", SETTLED).attendance == {"s": SETTLED}
