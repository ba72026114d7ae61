"""Presence and attendance: the union of intervals, and the attendance status."""

import random
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.attendance import (
    MOST_STRETCHES,
    Attendance,
    Correction,
    amended,
    attendance_status,
    caught_up,
    corrected,
    correction_violations,
    finalise,
    stretches_told,
)
from services.sessions.domain.enums import (
    AttendanceStatus,
    Interval,
    PresenceKind,
    SessionState,
    Stretch,
)
from services.sessions.domain.presence import (
    EARLIEST,
    IN_PERSON,
    LATEST,
    PresenceEvent,
    by_learner,
    presence_event_violations,
    presence_intervals,
    there_since,
    total,
)
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import HOUR, NINE, session

JOINED, LEFT = PresenceKind.JOINED, PresenceKind.LEFT
OVER = session(state=SessionState.ENDED, started_at=NINE, ended_at=NINE + HOUR)
PRESENT, PARTIAL, ABSENT = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.PARTIAL,
    AttendanceStatus.ABSENT,
)
CAUGHT_UP, EXCUSED = AttendanceStatus.CAUGHT_UP, AttendanceStatus.EXCUSED
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


def _finalised(
    over: Session, expected: Set[str], presence_events: Iterable[PresenceEvent], policy: Policy
) -> list[Attendance]:
    heaps = by_learner(presence_events)
    return finalise(over, sorted(expected | heaps.keys()), expected, heaps, policy)


def test_the_expected_and_those_who_came_are_finalised() -> None:
    """Expected learners are ABSENT unless they came; others are listed only if they stayed."""
    presence_events = [
        PresenceEvent("ada", JOINED, NINE, "x"),
        PresenceEvent("guest", JOINED, NINE + 30 * MINUTE, "x"),
        PresenceEvent("passer-by", JOINED, NINE + 59 * MINUTE, "x"),
    ]
    rows = _finalised(OVER, {"ada", "bob"}, presence_events, Policy())
    listed = [(row.learner_id, row.verdict, row.minutes) for row in rows]
    assert listed == [("ada", PRESENT, 60), ("bob", ABSENT, 0), ("guest", PARTIAL, 30)]


@pytest.mark.parametrize("late", [0, 20, 24 * 60])
def test_a_class_that_is_ended_late_makes_nobody_absent(late: int) -> None:
    """A learner who was there for the planned time is PRESENT; later time does not count."""
    over = replace(OVER, ended_at=NINE + HOUR + late * MINUTE)
    presence_events = [
        PresenceEvent("ada", JOINED, NINE, "x"),
        PresenceEvent("ada", LEFT, NINE + HOUR, "x"),
        PresenceEvent("bob", JOINED, NINE + 55 * MINUTE, "x"),
    ]
    rows = _finalised(over, {"ada"}, presence_events, Policy(partial_share=0.05))
    assert [(row.verdict, row.minutes) for row in rows] == [(PRESENT, 60), (PARTIAL, 5)]


def test_a_class_that_begins_early_or_late_has_the_length_that_was_planned() -> None:
    """Early minutes ask nothing more of anybody; after a late start the whole length counts."""
    on_time = [PresenceEvent("ada", JOINED, NINE + 15 * MINUTE, "x")]
    early = replace(OVER, started_at=NINE - HOUR)
    assert [row.verdict for row in _finalised(early, set(), on_time, Policy())] == [PRESENT]
    late = replace(OVER, started_at=NINE + 30 * MINUTE, ended_at=NINE + 90 * MINUTE)
    (row,) = _finalised(late, set(), on_time, Policy())
    assert (row.verdict, row.minutes) == (PRESENT, 60)


def _row(by_presence: AttendanceStatus, expected: bool = True) -> Attendance:
    return Attendance("s1", "ada", by_presence, 9.0, (), expected)


def _correction(verdict: AttendanceStatus) -> Correction:
    return Correction(verdict, "she was ill", "curie", NINE)


@pytest.mark.parametrize(
    ("by_presence", "verdict"),
    [(ABSENT, CAUGHT_UP), (PARTIAL, CAUGHT_UP), (PRESENT, PRESENT)],
)
def test_a_studied_catch_up_repairs_what_was_missed(
    by_presence: AttendanceStatus, verdict: AttendanceStatus
) -> None:
    """In whichever order the catch-up and the presence become known."""
    assert caught_up(_row(by_presence)).verdict is verdict
    for before in (ABSENT, PARTIAL, PRESENT):
        after = amended(caught_up(_row(before)), _row(by_presence))
        assert after is not None
        assert after.verdict is verdict


def test_late_presence_decides_where_nothing_else_is_known() -> None:
    """A learner who was not expected and did not stay has no attendance."""
    row, nothing = _row(PARTIAL), _row(ABSENT, expected=False)
    assert amended(None, row) == amended(_row(PRESENT), row) == row
    assert amended(row, nothing) is None
    assert corrected(_row(ABSENT, expected=False), None) is None


@pytest.mark.parametrize("verdict", [PRESENT, PARTIAL, ABSENT, EXCUSED])
def test_a_correction_counts_whatever_presence_says(verdict: AttendanceStatus) -> None:
    """Also for a learner who was not expected; taken back, presence counts again."""
    for row in (_row(ABSENT), _row(PRESENT), _row(ABSENT, expected=False)):
        after = corrected(row, _correction(verdict))
        assert after is not None
        assert after.verdict is verdict
        late = amended(after, _row(PRESENT))
        assert late is not None
        assert late.verdict is verdict
        back = corrected(late, None)
        assert back is not None
        assert back.verdict is PRESENT


@pytest.mark.parametrize(
    ("by_presence", "correction", "is_told"),
    [
        (PARTIAL, None, True),
        (PARTIAL, PARTIAL, True),
        (ABSENT, PARTIAL, True),
        (PRESENT, PARTIAL, False),
        (PARTIAL, ABSENT, False),
        (PRESENT, None, False),
        (ABSENT, None, False),
    ],
)
def test_when_a_learner_was_there_is_told_where_a_part_counts(
    by_presence: AttendanceStatus, correction: AttendanceStatus | None, is_told: bool
) -> None:
    """PARTIAL, also after the catch-up; not where staff contradict that the learner was there."""
    row = replace(_row(by_presence), intervals=(Interval(NINE, NINE + HOUR / 3),))
    after = corrected(row, _correction(correction) if correction else None)
    assert after is not None
    told = (Stretch(0.0, 1200.0),) if is_told else ()
    assert stretches_told(after, NINE) == stretches_told(caught_up(after), NINE) == told
    assert stretches_told(None, NINE) == stretches_told(row, None) == ()


def test_of_many_stretches_the_longest_are_told() -> None:
    """In their order."""
    lengths = [timedelta(seconds=1 + place % 30) for place in range(60)]
    many = tuple(
        Interval(NINE + place * timedelta(minutes=1), NINE + place * timedelta(minutes=1) + length)
        for place, length in enumerate(lengths)
    )
    told = stretches_told(replace(_row(PARTIAL), intervals=many), NINE)
    assert len(told) == MOST_STRETCHES
    assert list(told) == sorted(told, key=lambda each: each.start)
    assert {each.end - each.start for each in told} == {float(n) for n in range(21, 31)}


def test_staff_set_no_status_that_only_study_gives() -> None:
    """CAUGHT_UP comes from the catch-up."""
    assert [list(correction_violations(each)) for each in (None, PRESENT, EXCUSED)] == [[], [], []]
    [violation] = correction_violations(CAUGHT_UP)
    assert violation.field == "verdict"


def test_a_row_of_an_older_version_has_its_facts() -> None:
    """It had the status alone: CAUGHT_UP was an absence, and the catch-up."""
    old = Attendance("s1", "ada", CAUGHT_UP, 0.0, ())
    assert (old.by_presence, old.caught_up) == (ABSENT, True)
    assert corrected(old, _correction(ABSENT)) == replace(old, correction=_correction(ABSENT))


FACTS = st.tuples(
    st.sampled_from([PRESENT, PARTIAL, ABSENT]),
    st.booleans(),
    st.none() | st.builds(_correction, st.sampled_from([PRESENT, PARTIAL, ABSENT, EXCUSED])),
    st.booleans(),
)


@given(FACTS, st.permutations(["presence", "catch-up", "correction"]))
def test_the_same_facts_in_any_order_give_the_same_attendance(
    facts: tuple[AttendanceStatus, bool, Correction | None, bool], order: list[str]
) -> None:
    """Late presence, a studied catch-up and a correction."""
    presence, studied, correction, expected = facts

    def after(steps: Iterable[str]) -> Attendance | None:
        row: Attendance | None = _row(ABSENT, expected)
        for step in steps:
            known = row or _row(ABSENT, expected)
            if step == "presence":
                row = amended(known, _row(presence, expected))
            elif step == "catch-up" and studied:
                row = caught_up(known)
            elif step == "correction" and correction:
                row = corrected(known, correction)
        return row

    assert after(order) == after(["presence", "catch-up", "correction"])


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
