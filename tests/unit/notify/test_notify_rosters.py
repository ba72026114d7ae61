"""Replicas of enrolments: the newest event counts, in any order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import AttendanceMode, EnrolmentState, Kind
from services.notify.domain.notices import Notice
from services.notify.domain.people import Enrolment, EnrolmentUpdate, applied
from services.notify.domain.sessions import (
    LIVE_MODES,
    Broadcast,
    Session,
    concerns,
    reminders_of,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SESSION = Session(
    id="s",
    run_id="r",
    title="Waves",
    instructor_id="grace",
    start_time=NOW + 25 * HOUR,
    end_time=NOW + 26 * HOUR,
    room="Aula",
    join_url="",
    standing=True,
    event_id="e1",
    event_type="t",
    sequence=1,
)


def change(
    sequence: int, state: EnrolmentState | None = None, mode: AttendanceMode | None = None
) -> EnrolmentUpdate:
    """An update of one enrolment."""
    return EnrolmentUpdate("e", "r", "ada", sequence, state, mode)


states = st.none() | st.sampled_from(EnrolmentState)
modes = st.none() | st.sampled_from(AttendanceMode)
updates = st.lists(st.tuples(states, modes), min_size=1, max_size=6)


@given(updates, st.randoms())
def test_order_does_not_matter(
    said: list[tuple[EnrolmentState, AttendanceMode]], random: object
) -> None:
    """In any order of updates, with repeats, the replica ends the same."""
    changes = [change(place, *one) for place, one in enumerate(said, start=1)]
    shuffled = [*changes, *changes]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _after(shuffled) == _after(changes)


def _after(changes: list[EnrolmentUpdate]) -> Enrolment | None:
    copy: Enrolment | None = None
    for one in changes:
        copy = applied(copy, one)
    return copy


def test_mode_before_enrolment() -> None:
    """A change of mode that comes before the enrolment itself is kept, and so is the place."""
    copy = applied(None, change(2, mode=AttendanceMode.ONLINE))
    copy = applied(copy, change(1, EnrolmentState.ENROLLED, AttendanceMode.CLASSROOM))
    assert (copy.state, copy.mode) == (EnrolmentState.ENROLLED, AttendanceMode.ONLINE)


def test_reminders_are_to_come() -> None:
    """A session has a reminder for each lead time that is not over."""
    leads = (24 * HOUR, HOUR)
    assert [one.fire_at for one in reminders_of(SESSION, leads, NOW)] == [
        NOW + HOUR,
        NOW + 24 * HOUR,
    ]
    assert [one.id for one in reminders_of(SESSION, leads, NOW + HOUR)] == ["s:1h"]
    assert reminders_of(SESSION, leads, NOW + 24 * HOUR) == []


def test_each_reminder_is_an_event_of_its_own() -> None:
    """Both reminders of a session are sent, because their events differ."""
    reminders = reminders_of(SESSION, (24 * HOUR, HOUR), NOW)
    assert [one.event_id for one in reminders] == ["e1:24h", "e1:1h"]


def test_who_should_have_been_told() -> None:
    """News to a run concerns those who held a place in it, in one of its modes, by then."""
    notice = Notice("e9", "t", Kind.SESSION_MOVED, {})
    broadcast = Broadcast("e9", "r", notice, True, tuple(LIVE_MODES), NOW, NOW + HOUR)
    ada = applied(None, change(1, EnrolmentState.ENROLLED, AttendanceMode.ONLINE))
    assert concerns(broadcast, ada, NOW)
    assert not concerns(broadcast, ada, NOW + HOUR)
    assert not concerns(broadcast, applied(ada, change(2, EnrolmentState.WITHDRAWN)), NOW)
    assert not concerns(broadcast, applied(ada, change(2, None, AttendanceMode.SELF_PACED)), NOW)
