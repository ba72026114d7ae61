"""Rotation of cohorts: who has the room when, whatever is held, moved and cancelled."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.enums import SessionKind, SessionState
from services.sessions.domain.roster import Group
from services.sessions.domain.rotation import cohort_violations, rotation, rotation_violations
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import HOUR, NINE, SERIES, session

WEEK = timedelta(days=7)
COHORTS = ("a", "b", "c")


def term(classes: int, **changes: object) -> list[Session]:
    """Weekly classes, the first of them in an hour."""
    return [
        session(id=f"s{each:02d}", start_time=NINE + each * WEEK, **changes)
        for each in range(classes)
    ]


def applied(sessions: list[Session], cohorts: dict[str, str]) -> list[Session]:
    """The sessions with their cohorts."""
    return [replace(each, cohort_id=cohorts.get(each.id, each.cohort_id)) for each in sessions]


def times(sessions: list[Session]) -> list[int]:
    """How often each cohort has the room in the classes that are not cancelled."""
    counted = Counter(
        each.cohort_id for each in sessions if each.state is not SessionState.CANCELLED
    )
    return [counted[each] for each in COHORTS]


def test_cohorts_are_in_turn() -> None:
    """The first class is the first cohort's, and so on, in whatever order classes are read."""
    found = rotation(term(5)[::-1], COHORTS, NINE - HOUR)
    assert [found[each.id] for each in term(5)] == ["a", "b", "c", "a", "b"]


@given(st.integers(3, 12), st.data())
def test_the_room_is_shared_evenly(classes: int, data: st.DataObject) -> None:
    """Over the term the cohorts' room classes differ by at most one, and after some are cancelled
    by no more, as far as the classes to come allow; each cancelled class changes few others.
    """
    now = NINE - HOUR
    sessions = applied(term(classes), rotation(term(classes), COHORTS, now))
    assert max(times(sessions)) - min(times(sessions)) <= 1
    gone = data.draw(st.sets(st.sampled_from([each.id for each in sessions])))
    begun = data.draw(st.integers(0, classes))
    now = NINE + begun * WEEK - HOUR
    left = [
        replace(each, state=SessionState.CANCELLED)
        if each.id in gone and each.start_time > now
        else each
        for each in sessions
    ]
    again = rotation(left, COHORTS, now)
    after = applied(left, again)
    changed = [each.id for each, was in zip(after, left, strict=True) if each != was]
    assert len(changed) <= len(gone)
    assert all(each.start_time > now for each in after if each.id in changed)
    most = COHORTS[times(after).index(max(times(after)))]
    assert max(times(after)) - min(times(after)) <= 1 or most not in again.values()


def test_a_rotation_that_is_planned_again_changes_nothing() -> None:
    """Classes that cohorts know to be theirs stay, also when one has moved past another."""
    sessions = applied(term(6), rotation(term(6), COHORTS, NINE - HOUR))
    moved = [replace(sessions[0], start_time=NINE + 20 * WEEK), *sessions[1:]]
    assert applied(moved, rotation(moved, COHORTS, NINE - HOUR)) == moved


def test_a_rotation_ends_or_has_other_cohorts() -> None:
    """Coming classes of a cohort that is left out are given to others; without any nobody has
    them.
    """
    sessions = applied(term(4), rotation(term(4), COHORTS, NINE - HOUR))
    assert set(rotation(sessions, (), NINE - HOUR).values()) == {""}
    found = rotation(sessions, ("a", "b"), NINE - HOUR)
    assert Counter(found.values()) == {"a": 2, "b": 2}


def test_all_that_is_wrong_with_the_cohorts() -> None:
    """One cohort alone, and one that is named twice."""
    assert [each.field for each in cohort_violations(["a"])] == ["cohort_ids"]
    assert [each.field for each in cohort_violations(["a", "b", "a"])] == ["cohort_ids[2]"]
    assert list(cohort_violations([])) == []


def test_all_that_speaks_against_a_rotation() -> None:
    """The kind, too few classes, groups that are not the run's, the series' or in use, and cohorts
    that don't fit into the smallest room.
    """
    groups = {
        "a": Group("a", "run", "A", False, 1),
        "b": Group("b", "other", "B", False, 1),
        "c": Group("c", "run", "C", True, 1),
        "d": Group("d", "run", "D", False, 1),
    }
    series = replace(SERIES, kind=SessionKind.IN_ROOM, group_ids=("a", "b", "c", "e"))
    coming = [session(room_seats=9), session(room_seats=5)]
    found = rotation_violations(series, coming, [*"abcd", "e"], groups, {"a": 6, "d": 5})
    assert [(each.field, each.wrong) for each in found] == [
        ("series_id", "the series is IN_ROOM"),
        ("cohort_ids", "5 cohorts, and 2 sessions are to come"),
        ("cohort_ids[0]", "has 6 learners in the classroom"),
        ("cohort_ids[1]", "is no group in use of run 'run'"),
        ("cohort_ids[2]", "is no group in use of run 'run'"),
        ("cohort_ids[3]", "is none of the series' groups"),
        ("cohort_ids[4]", "is no group in use of run 'run'"),
    ]
