"""Attendance: how it follows from presence, corrections and catch-ups."""

from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.attendance import (
    MOST_STRETCHES,
    Attendance,
    Correction,
    amended,
    corrected,
    correction_violations,
    finalise,
    stretches_told,
    with_catch_up,
)
from services.sessions.domain.enums import (
    AttendanceStatus,
    Interval,
    Stretch,
)
from services.sessions.domain.presence import (
    PresenceEvent,
    by_learner,
)
from services.sessions.domain.roster import Policy
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import HOUR, NINE
from tests.unit.sessions.test_presence import ABSENT, JOINED, LEFT, MINUTE, OVER, PARTIAL, PRESENT

CAUGHT_UP, EXCUSED = AttendanceStatus.CAUGHT_UP, AttendanceStatus.EXCUSED


def caught_up(row: Attendance) -> Attendance:
    """The attendance after its catch-up was studied."""
    return with_catch_up(row, True, row.catch_up_sequence + 1)


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


@given(st.sampled_from([PRESENT, PARTIAL, ABSENT]), st.permutations([1, 2, 3, 4]))
def test_the_newest_news_of_a_catch_up_counts(
    by_presence: AttendanceStatus, order: list[int]
) -> None:
    """Studied, not after all, and so on: in any order, the last one decides."""
    row = _row(by_presence)
    for sequence in order:
        row = with_catch_up(row, sequence % 2 == 1, sequence)
    assert (row.verdict, row.caught_up) == (by_presence, False)
