"""Audiences that sessions share, and seats online."""

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.audiences import (
    Members,
    are_alternatives,
    expected_at,
    learner_violations,
)
from services.sessions.domain.enums import SessionKind
from services.sessions.domain.online import levels, online_hours, online_violations
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import HOUR, NINE, session

COUNTED = {"run": [Members("run", (), 5), Members("run", ("A",), 3), Members("run", ("A", "B"), 2)]}


def at(start: int, length: int, **changes: object) -> Session:
    """An online session from a half hour after nine on, so many half hours long."""
    begin = NINE + start * HOUR / 2
    return session(start_time=begin, end_time=begin + length * HOUR / 2, **changes)


def test_who_is_expected_is_counted_once() -> None:
    """A learner of two groups is one learner, also of a session for both."""
    assert expected_at(session(), COUNTED) == 10
    assert expected_at(session(group_ids=("A",)), COUNTED) == 5
    assert expected_at(session(group_ids=("B",)), COUNTED) == 2
    assert expected_at(session(group_ids=("A", "B")), COUNTED) == 5
    assert expected_at(session(run_id="other"), COUNTED) == 0


def test_sessions_of_one_activity_are_alternatives() -> None:
    """Extra classes, and other runs' sessions, are none."""
    assert are_alternatives(session(), session(id="s2"))
    assert not are_alternatives(session(), session(run_id="other"))
    assert not are_alternatives(session(activity_id=""), session(activity_id=""))


def test_learners_clash_where_times_overlap() -> None:
    """What only touches, and what few enough share, is no clash."""
    here = {"": session(activity_id="")}
    touching, beside = at(2, 2, id="s2"), at(1, 2, id="s3", title="Optics")
    [violation] = learner_violations(here, [touching, beside], COUNTED, 9)
    assert violation.field == "starts"
    assert "10 learners are expected in session s3 ('Optics')" in violation.wrong
    assert not list(learner_violations(here, [touching, beside], COUNTED, 10))


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6), st.integers(1, 9)), max_size=8),
    st.integers(1, 30),
)
def test_seats_online_are_refused_exactly_where_they_pass_the_limit(
    plans: list[tuple[int, int, int]], limit: int
) -> None:
    """As a sum for each half hour tells."""
    others = [
        at(start, length, id=f"o{number}", online_seats=seats)
        for number, (start, length, seats) in enumerate(plans)
    ]
    new = at(4, 4, id="new", online_seats=3)
    most = max(
        sum(
            each.online_seats
            for each in (*others, new)
            if each.start_time <= NINE + half * HOUR / 2 < each.end_time
        )
        for half in range(4, 8)
    )
    assert bool([*online_violations({"": new}, others, {}, limit)]) is (most > limit)


def test_levels_change_where_sessions_begin_and_end() -> None:
    """Sessions in rooms give no seat online; those without a limit one to each learner."""
    room = at(0, 9, kind=SessionKind.IN_ROOM)
    found = levels([at(0, 2, online_seats=4), at(1, 2), room], COUNTED)
    assert [given for _, given in found] == [4, 14, 10, 0]


def test_a_session_locks_each_hour_that_it_touches() -> None:
    """A class from half past nine to half past ten locks two hours, one in a room none."""
    assert [*online_hours(at(1, 2))] == ["online:2026-03-02T09", "online:2026-03-02T10"]
    assert [*online_hours(at(0, 2))] == ["online:2026-03-02T09"]
    assert not [*online_hours(at(0, 2, kind=SessionKind.IN_ROOM))]
