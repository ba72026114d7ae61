"""A learner's state, with updates in any order."""

from itertools import permutations

import pytest

from services.progress.domain.enums import AttendanceStatus
from services.progress.domain.learner_run_state import Attendance, LearnerRunState, attended

FINALISED = Attendance(AttendanceStatus.ABSENT, sequence=40)
FIRST = Attendance(AttendanceStatus.PRESENT, sequence=1, amended=True)
SECOND = Attendance(AttendanceStatus.CAUGHT_UP, sequence=2, amended=True)
TAKEN_BACK = Attendance(None, sequence=3, amended=True)


@pytest.mark.parametrize("arrived", permutations([FINALISED, FIRST, SECOND]))
def test_the_last_amended_attendance_counts_in_any_order(arrived: tuple[Attendance, ...]) -> None:
    """An amended row counts more than the finalised one, whose sequence is another aggregate's."""
    run_state = LearnerRunState("run", "ada")
    for each in (*arrived, *arrived):
        run_state = attended(run_state, "session", each)
    assert run_state.attendance == {"session": SECOND}


def test_what_was_taken_back_does_not_count_again() -> None:
    """Older updates may follow it."""
    run_state = LearnerRunState("run", "ada")
    for each in (SECOND, TAKEN_BACK, FIRST, FINALISED):
        run_state = attended(run_state, "session", each)
    assert run_state.attendance == {"session": TAKEN_BACK}


def test_the_finalised_attendance_counts_until_it_is_amended() -> None:
    """If nothing was amended, the finalised row is kept."""
    assert attended(LearnerRunState("run", "ada"), "s", FINALISED).attendance == {"s": FINALISED}
