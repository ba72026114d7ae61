"""Presence and attendance: the union of intervals, and the attendance status."""

import random
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.attendance import (
    attendance_status,
)
from services.sessions.domain.enums import (
    AttendanceStatus,
    Interval,
    PresenceKind,
    SessionState,
)
from services.sessions.domain.presence import (
    EARLIEST,
    IN_PERSON,
    LATEST,
    PresenceEvent,
    presence_event_violations,
    presence_intervals,
    there_since,
    total,
)
from services.sessions.domain.roster import Policy
from tests.unit.sessions.examples import HOUR, NINE, session

JOINED, LEFT = PresenceKind.JOINED, PresenceKind.LEFT
OVER = session(state=SessionState.ENDED, started_at=NINE, ended_at=NINE + HOUR)
PRESENT, PARTIAL, ABSENT = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.PARTIAL,
    AttendanceStatus.ABSENT,
)
MINUTE = timedelta(minutes=1)
SPAN = Interval(NINE, NINE + HOUR)


def _presence_event(kind: PresenceKind, minute: float, connection: str = "laptop") -> PresenceEvent:
    return PresenceEvent("ada", kind, NINE + minute * MINUTE, connection)


def _minutes(presence_events: Iterable[PresenceEvent]) -> list[tuple[float, float]]:
    return [
        ((part.start - NINE) / MINUTE, (part.end - NINE) / MINUTE)
        for part in presence_intervals(presence_events, SPAN)
    ]


@pytest.mark.parametrize(
    ("presence_events", "there"),
    [
        ([], []),
        ([(JOINED, 10), (LEFT, 20)], [(10, 20)]),
        ([(JOINED, -10), (LEFT, 90)], [(0, 60)]),
        ([(JOINED, -10), (LEFT, -5)], []),
        ([(JOINED, 70), (LEFT, 80)], []),
        ([(JOINED, 10), (JOINED, 15), (LEFT, 20)], [(10, 20)]),
        ([(JOINED, 10), (LEFT, 20), (LEFT, 30)], [(10, 20)]),
        ([(JOINED, 10)], [(10, 60)]),
        ([(LEFT, 20)], []),
        ([(LEFT, 20), (JOINED, 30), (LEFT, 40)], [(30, 40)]),
        ([(LEFT, 20), (JOINED, 22)], [(22, 60)]),
        ([(LEFT, 20), (JOINED, 21)], []),
        ([(LEFT, 20), (JOINED, 21), (LEFT, 40)], [(21, 40)]),
        ([(JOINED, 5), (LEFT, 20), (JOINED, 21)], [(5, 20), (21, 60)]),
        ([(LEFT, 10), (JOINED, 20), (LEFT, 20), (JOINED, 21)], [(21, 60)]),
        ([(JOINED, 10), (LEFT, 10)], []),
        ([(JOINED, 10), (LEFT, 20), (JOINED, 20), (LEFT, 30)], [(10, 30)]),
        ([(LEFT, 20), (JOINED, 20), (LEFT, 30)], [(20, 30)]),
    ],
)
def test_when_one_connection_was_there(
    presence_events: list[tuple[PresenceKind, float]], there: list[tuple[float, float]]
) -> None:
    """Joins and leaves pair up; a join without its leave lasts to the end, a leave without its join
    proves nothing, and clocks may differ by a minute.
    """
    assert _minutes(_presence_event(kind, minute) for kind, minute in presence_events) == there


def test_two_devices_count_once() -> None:
    """Overlapping and touching stretches of several connections are one."""
    presence_events = [
        _presence_event(JOINED, 0, "laptop"),
        _presence_event(LEFT, 30, "laptop"),
        _presence_event(JOINED, 20, "phone"),
        _presence_event(LEFT, 40, "phone"),
        _presence_event(JOINED, 40, "tablet"),
        _presence_event(LEFT, 45, "tablet"),
    ]
    assert _minutes(presence_events) == [(0, 45)]


def test_a_check_in_lasts_to_the_end_or_to_a_leave_in_person() -> None:
    """Leaving the online meeting does not mean leaving the room."""
    room, online = _presence_event(JOINED, 5, IN_PERSON), _presence_event(LEFT, 30, "laptop")
    assert _minutes([room, _presence_event(JOINED, 6), online]) == [(5, 60)]
    assert _minutes([room, _presence_event(LEFT, 30, IN_PERSON)]) == [(5, 30)]


PRESENCE_EVENTS = st.lists(
    st.builds(
        _presence_event,
        st.sampled_from(PresenceKind),
        st.integers(-20, 80),
        st.sampled_from(["", "laptop", "phone"]),
    ),
    max_size=30,
)


@given(PRESENCE_EVENTS, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(
    presence_events: list[PresenceEvent], chance: random.Random
) -> None:
    """The same marks in any order, any of them repeated, give the same stretches."""
    again = [
        *presence_events,
        *(presence_event for presence_event in presence_events if chance.random() < 0.5),
    ]
    chance.shuffle(again)
    assert presence_intervals(again, SPAN) == presence_intervals(presence_events, SPAN)


@given(PRESENCE_EVENTS)
def test_stretches_are_apart_and_inside(presence_events: list[PresenceEvent]) -> None:
    """They are in order, don't touch, lie inside, and are never longer than the session."""
    there = presence_intervals(presence_events, SPAN)
    assert all(SPAN.start <= part.start < part.end <= SPAN.end for part in there)
    assert all(one.end < two.start for one, two in pairwise(there))
    assert total(there) <= SPAN.length


@given(st.integers(-20, 78), st.integers(1, 60), st.data())
def test_splits_change_nothing(start: int, length: int, data: st.DataObject) -> None:
    """A stretch cut in pieces, on one connection or several, is the same stretch."""
    end = start + length
    cuts = sorted(data.draw(st.sets(st.integers(start + 1, max(start + 1, end - 1)), max_size=5)))
    points = [start, *(cut for cut in cuts if cut < end), end]
    whole = [_presence_event(JOINED, start), _presence_event(LEFT, end)]
    names = data.draw(st.lists(st.sampled_from("ab"), min_size=6, max_size=6))
    for connections in (["a"] * 6, names):
        pieces = [
            _presence_event(kind, minute, connection)
            for one, two, connection in zip(points, points[1:], connections, strict=False)
            for kind, minute in ((JOINED, one), (LEFT, two))
        ]
        assert presence_intervals(pieces, SPAN) == presence_intervals(whole, SPAN)


@given(PRESENCE_EVENTS, PRESENCE_EVENTS)
def test_more_connections_never_take_time_away(
    one: list[PresenceEvent], more: list[PresenceEvent]
) -> None:
    """Marks of another connection can only add."""
    other = [
        PresenceEvent(presence_event.learner_id, presence_event.kind, presence_event.at, "new")
        for presence_event in more
    ]
    assert total(presence_intervals([*one, *other], SPAN)) >= total(presence_intervals(one, SPAN))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(60, PRESENT), (45, PRESENT), (44.99, PARTIAL), (15, PARTIAL), (14.99, ABSENT), (0, ABSENT)],
)
def test_verdicts_follow_the_policy(minutes: float, expected: AttendanceStatus) -> None:
    """From three quarters PRESENT, from one quarter PARTIAL, below ABSENT."""
    assert attendance_status(minutes * MINUTE, HOUR, Policy()) is expected


def test_who_was_not_there_is_absent_under_any_policy() -> None:
    """A share of 0, or a session without length, does not make absent learners present."""
    nothing = Policy(present_share=0, partial_share=0)
    assert attendance_status(timedelta(), HOUR, nothing) is ABSENT
    assert attendance_status(timedelta(), timedelta(), nothing) is ABSENT
    assert attendance_status(MINUTE, HOUR, nothing) is PRESENT


def test_presence_events_are_judged_one_by_one() -> None:
    """It needs a session that is not cancelled and a learner of the run; both are reported."""
    live = session(state=SessionState.LIVE)
    assert list(presence_event_violations(live, _presence_event(JOINED, 0), True, NINE)) == []
    gone = session(state=SessionState.CANCELLED)
    violations = list(presence_event_violations(gone, _presence_event(JOINED, 0), False, NINE))
    assert [violation.field for violation in violations] == ["session_id", "learner_id"]


def test_who_joins_before_the_start_is_recorded() -> None:
    """From two hours before the planned start, exactly; and of one that nobody started, for a day
    after the planned end.
    """
    mark = _presence_event(JOINED, 0)
    first, last = NINE - EARLIEST, NINE + HOUR + LATEST
    for now, right in ((first, 0), (first - MINUTE, 1), (last, 0), (last + MINUTE, 1)):
        assert len(list(presence_event_violations(session(), mark, True, now))) == right


def test_presence_events_are_taken_for_a_day_after_the_end() -> None:
    """This is exact to the millisecond."""
    until = NINE + HOUR + LATEST
    assert list(presence_event_violations(OVER, _presence_event(JOINED, 0), True, until)) == []
    later = presence_event_violations(
        OVER, _presence_event(JOINED, 0), True, until + timedelta(milliseconds=1)
    )
    assert [violation.field for violation in later] == ["session_id"]


def test_since_when_someone_is_there_in_person() -> None:
    """The last mark in person counts; other connections do not."""
    assert there_since([]) is None
    assert there_since([_presence_event(JOINED, 1, "laptop")]) is None
    joined, left = _presence_event(JOINED, 5, IN_PERSON), _presence_event(LEFT, 9, IN_PERSON)
    assert there_since([joined]) == joined.at
    assert there_since([left, joined]) is None
