"""Sessions of one activity are alternatives: attending one is enough."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.alternatives import spared
from services.progress.domain.enums import AttendanceStatus
from services.progress.domain.learner_run_state import Attendance
from services.progress.domain.plan import Plan
from tests.unit.progress.examples import MONDAY, plan, run_state, session

DAY = timedelta(days=1)
ABSENT, PRESENT = AttendanceStatus.ABSENT, AttendanceStatus.PRESENT


def of_week() -> Plan:
    """Two sessions of each of two activities, and two extra classes, one after the other."""
    activities = ("lab", "lab", "seminar", "seminar", "", "")
    sessions = [
        session(f"s{place}", activity_id=activity_id, ended_at=MONDAY + place * DAY)
        for place, activity_id in enumerate(activities)
    ]
    return plan(sessions=tuple(sessions))


@given(st.lists(st.sampled_from([None, ABSENT, PRESENT]), min_size=6, max_size=6))
def test_each_activity_asks_for_one_catch_up_at_most(
    verdicts: list[AttendanceStatus | None],
) -> None:
    """None if one was attended, else that of the first that was missed; an extra class has no
    alternative.
    """
    attendance = {
        f"s{place}": Attendance(verdict, 1) for place, verdict in enumerate(verdicts) if verdict
    }
    missed = [one for one, each in attendance.items() if each.verdict is ABSENT]
    found = spared(run_state(attendance=attendance), of_week(), missed)
    asked = [one for one in missed if one not in found]
    wanted = []
    for first, second in ((0, 1), (2, 3)):
        pair = verdicts[first : second + 1]
        if PRESENT not in pair and ABSENT in pair:
            wanted.append(f"s{first + pair.index(ABSENT)}")
    wanted += [f"s{place}" for place in (4, 5) if verdicts[place] is ABSENT]
    assert asked == wanted


def test_a_session_that_is_not_known_yet_has_no_alternative() -> None:
    """Its activity is not known."""
    state = run_state(attendance={"new": Attendance(ABSENT, 1)})
    assert spared(state, of_week(), ["new"]) == frozenset()
