"""Presence and attendance: the union of intervals, and the verdict."""

import random
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.attendance import (
    Attendance,
    amended,
    caught_up,
    settle,
    verdict,
)
from services.sessions.domain.presence import (
    IN_PERSON,
    LATEST,
    Mark,
    by_learner,
    mark_faults,
    stretches,
    there_since,
    total,
)
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session
from services.sessions.domain.words import (
    AttendanceVerdict,
    Interval,
    PresenceKind,
    SessionState,
)
from tests.unit.sessions.examples import HOUR, NINE, session

JOINED, LEFT = PresenceKind.JOINED, PresenceKind.LEFT
OVER = session(state=SessionState.ENDED, started_at=NINE, ended_at=NINE + HOUR)
PRESENT, PARTIAL, ABSENT = (
    AttendanceVerdict.PRESENT,
    AttendanceVerdict.PARTIAL,
    AttendanceVerdict.ABSENT,
)
MINUTE = timedelta(minutes=1)
SPAN = Interval(NINE, NINE + HOUR)


def _mark(kind: PresenceKind, minute: float, connection: str = "laptop") -> Mark:
    return Mark("ada", kind, NINE + minute * MINUTE, connection)


def _minutes(marks: Iterable[Mark]) -> list[tuple[float, float]]:
    return [
        ((part.start - NINE) / MINUTE, (part.end - NINE) / MINUTE)
        for part in stretches(marks, SPAN)
    ]


@pytest.mark.parametrize(
    ("marks", "there"),
    [
        ([], []),
        ([(JOINED, 10), (LEFT, 20)], [(10, 20)]),
        ([(JOINED, -10), (LEFT, 90)], [(0, 60)]),
        ([(JOINED, -10), (LEFT, -5)], []),
        ([(JOINED, 70), (LEFT, 80)], []),
        ([(JOINED, 10), (JOINED, 15), (LEFT, 20)], [(10, 20)]),
        ([(JOINED, 10), (LEFT, 20), (LEFT, 30)], [(10, 20)]),
        ([(JOINED, 10)], [(10, 60)]),
        ([(LEFT, 20)], [(0, 20)]),
        ([(LEFT, 20), (JOINED, 30), (LEFT, 40)], [(0, 20), (30, 40)]),
        ([(JOINED, 10), (LEFT, 10)], []),
        ([(JOINED, 10), (LEFT, 20), (JOINED, 20), (LEFT, 30)], [(10, 30)]),
        ([(LEFT, 20), (JOINED, 20), (LEFT, 30)], [(0, 30)]),
    ],
)
def test_when_one_connection_was_there(
    marks: list[tuple[PresenceKind, float]], there: list[tuple[float, float]]
) -> None:
    """Joins and leaves pair up; what has no partner counts to the end, or from the start."""
    assert _minutes(_mark(kind, minute) for kind, minute in marks) == there


def test_two_devices_count_once() -> None:
    """Overlapping and touching stretches of several connections are one."""
    marks = [
        _mark(JOINED, 0, "laptop"),
        _mark(LEFT, 30, "laptop"),
        _mark(JOINED, 20, "phone"),
        _mark(LEFT, 40, "phone"),
        _mark(JOINED, 40, "tablet"),
        _mark(LEFT, 45, "tablet"),
    ]
    assert _minutes(marks) == [(0, 45)]


def test_a_check_in_lasts_to_the_end_or_to_a_leave_in_person() -> None:
    """Leaving the online meeting does not mean leaving the room."""
    room, online = _mark(JOINED, 5, IN_PERSON), _mark(LEFT, 30, "laptop")
    assert _minutes([room, _mark(JOINED, 6), online]) == [(5, 60)]
    assert _minutes([room, _mark(LEFT, 30, IN_PERSON)]) == [(5, 30)]


MARKS = st.lists(
    st.builds(
        _mark,
        st.sampled_from(PresenceKind),
        st.integers(-20, 80),
        st.sampled_from(["", "laptop", "phone"]),
    ),
    max_size=30,
)


@given(MARKS, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(marks: list[Mark], chance: random.Random) -> None:
    """The same marks in any order, any of them repeated, give the same stretches."""
    again = [*marks, *(mark for mark in marks if chance.random() < 0.5)]
    chance.shuffle(again)
    assert stretches(again, SPAN) == stretches(marks, SPAN)


@given(MARKS)
def test_stretches_are_apart_and_inside(marks: list[Mark]) -> None:
    """They are in order, don't touch, lie inside, and are never longer than the session."""
    there = stretches(marks, SPAN)
    assert all(SPAN.start <= part.start < part.end <= SPAN.end for part in there)
    assert all(one.end < two.start for one, two in pairwise(there))
    assert total(there) <= SPAN.length


@given(st.integers(-20, 78), st.integers(1, 60), st.data())
def test_splits_change_nothing(start: int, length: int, data: st.DataObject) -> None:
    """A stretch cut in pieces, on one connection or several, is the same stretch."""
    end = start + length
    cuts = sorted(data.draw(st.sets(st.integers(start + 1, max(start + 1, end - 1)), max_size=5)))
    points = [start, *(cut for cut in cuts if cut < end), end]
    whole = [_mark(JOINED, start), _mark(LEFT, end)]
    names = data.draw(st.lists(st.sampled_from("ab"), min_size=6, max_size=6))
    for connections in (["a"] * 6, names):
        pieces = [
            _mark(kind, minute, connection)
            for one, two, connection in zip(points, points[1:], connections, strict=False)
            for kind, minute in ((JOINED, one), (LEFT, two))
        ]
        assert stretches(pieces, SPAN) == stretches(whole, SPAN)


@given(MARKS, MARKS)
def test_more_connections_never_take_time_away(one: list[Mark], more: list[Mark]) -> None:
    """Marks of another connection can only add."""
    other = [Mark(mark.learner_id, mark.kind, mark.at, "new") for mark in more]
    assert total(stretches([*one, *other], SPAN)) >= total(stretches(one, SPAN))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(60, PRESENT), (45, PRESENT), (44.99, PARTIAL), (15, PARTIAL), (14.99, ABSENT), (0, ABSENT)],
)
def test_verdicts_follow_the_policy(minutes: float, expected: AttendanceVerdict) -> None:
    """From three quarters PRESENT, from one quarter PARTIAL, below ABSENT."""
    assert verdict(minutes * MINUTE, HOUR, Policy()) is expected


def test_who_was_not_there_is_absent_under_any_policy() -> None:
    """Shares of 0 do not make those present who never came, nor does a session without length."""
    nothing = Policy(present_share=0, partial_share=0)
    assert verdict(timedelta(), HOUR, nothing) is ABSENT
    assert verdict(timedelta(), timedelta(), nothing) is ABSENT
    assert verdict(MINUTE, HOUR, nothing) is PRESENT


def _settled(
    over: Session, expected: Set[str], marks: Iterable[Mark], policy: Policy
) -> list[Attendance]:
    heaps = by_learner(marks)
    return settle(over, sorted(expected | heaps.keys()), expected, heaps, policy)


def test_the_expected_and_those_who_came_are_settled() -> None:
    """Expected learners are ABSENT unless they came; others are told only when they stayed."""
    marks = [
        Mark("ada", JOINED, NINE, "x"),
        Mark("guest", JOINED, NINE + 30 * MINUTE, "x"),
        Mark("passer-by", JOINED, NINE + 59 * MINUTE, "x"),
    ]
    rows = _settled(OVER, {"ada", "bob"}, marks, Policy())
    told = [(row.learner_id, row.verdict, row.minutes) for row in rows]
    assert told == [("ada", PRESENT, 60), ("bob", ABSENT, 0), ("guest", PARTIAL, 30)]


@pytest.mark.parametrize("late", [0, 20, 24 * 60])
def test_a_class_that_is_ended_late_makes_nobody_absent(late: int) -> None:
    """Who was there for what was planned is PRESENT; the time after it counts for nobody."""
    over = replace(OVER, ended_at=NINE + HOUR + late * MINUTE)
    marks = [
        Mark("ada", JOINED, NINE, "x"),
        Mark("ada", LEFT, NINE + HOUR, "x"),
        Mark("bob", JOINED, NINE + 55 * MINUTE, "x"),
    ]
    rows = _settled(over, {"ada"}, marks, Policy(partial_share=0.05))
    assert [(row.verdict, row.minutes) for row in rows] == [(PRESENT, 60), (PARTIAL, 5)]


def test_a_class_that_begins_early_or_late_has_the_length_that_was_planned() -> None:
    """Early minutes ask nothing more of anybody; after a late start the whole length counts."""
    on_time = [Mark("ada", JOINED, NINE + 15 * MINUTE, "x")]
    early = replace(OVER, started_at=NINE - HOUR)
    assert [row.verdict for row in _settled(early, set(), on_time, Policy())] == [PRESENT]
    late = replace(OVER, started_at=NINE + 30 * MINUTE, ended_at=NINE + 90 * MINUTE)
    (row,) = _settled(late, set(), on_time, Policy())
    assert (row.verdict, row.minutes) == (PRESENT, 60)


@pytest.mark.parametrize("state", [AttendanceVerdict.EXCUSED, AttendanceVerdict.CAUGHT_UP])
def test_marks_that_come_late_undo_no_repair(state: AttendanceVerdict) -> None:
    """But who was PRESENT after all is; without a repair the marks decide."""
    before = Attendance("s1", "ada", state, 0.0, ())
    for counted, then in ((ABSENT, state), (PARTIAL, state), (PRESENT, PRESENT)):
        after = amended(before, Attendance("s1", "ada", counted, 9.0, ()))
        assert after is not None
        assert after.verdict is then
    row = Attendance("s1", "ada", PARTIAL, 9.0, ())
    assert amended(None, row) == amended(replace(before, verdict=PRESENT), row) == row
    assert amended(row, None) is None


@pytest.mark.parametrize("state", list(AttendanceVerdict))
def test_only_an_absence_is_caught_up(state: AttendanceVerdict) -> None:
    """A catch-up turns ABSENT into CAUGHT_UP and leaves any other verdict."""
    after = caught_up(Attendance("s1", "ada", state, 0.0, ())).verdict
    assert after is (AttendanceVerdict.CAUGHT_UP if state is ABSENT else state)


def test_marks_are_judged_one_by_one() -> None:
    """A mark wants a session that began and a learner of the run; both faults are told."""
    live = session(state=SessionState.LIVE)
    assert list(mark_faults(live, _mark(JOINED, 0), True, NINE)) == []
    faults = list(mark_faults(session(), _mark(JOINED, 0), False, NINE))
    assert [fault.field for fault in faults] == ["session_id", "learner_id"]


def test_marks_are_taken_for_a_day_after_the_end() -> None:
    """To the millisecond, and not after."""
    until = NINE + HOUR + LATEST
    assert list(mark_faults(OVER, _mark(JOINED, 0), True, until)) == []
    later = mark_faults(OVER, _mark(JOINED, 0), True, until + timedelta(milliseconds=1))
    assert [fault.field for fault in later] == ["session_id"]


def test_since_when_someone_is_there_in_person() -> None:
    """The last mark in person counts; other connections do not."""
    assert there_since([]) is None
    assert there_since([_mark(JOINED, 1, "laptop")]) is None
    joined, left = _mark(JOINED, 5, IN_PERSON), _mark(LEFT, 9, IN_PERSON)
    assert there_since([joined]) == joined.at
    assert there_since([left, joined]) is None
