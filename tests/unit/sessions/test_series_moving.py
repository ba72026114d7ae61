"""Series that are split and moved."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sessions.domain.civil import local_of, text_of
from services.sessions.domain.enums import CivilTime, SessionState
from services.sessions.domain.series import (
    ONCE,
    Series,
    from_violations,
    recurrence_ids,
    shift_violations,
    shifted,
    split,
)
from services.sessions.domain.series_moving import (
    MoveSeries,
    moved_series,
    part_to_move,
    series_move_violations,
    to_move,
)
from services.sessions.domain.series_planning import (
    planned_series,
)
from services.sessions.domain.session import Room, Session
from services.sessions.recurrences import instances
from tests.unit.sessions.examples import AULA, HOUR, NINE, SERIES
from tests.unit.sessions.test_recurrence import rules
from tests.unit.sessions.test_series import DUBLIN, MONDAYS, request, sessions_of

MOVE = MoveSeries(
    series_id="series",
    from_recurrence_id="",
    starts=None,
    duration=None,
    room_id="",
    instructor_id="",
    reason="",
    with_exceptions=False,
)
BEFORE = NINE - HOUR


def of_series(series: Series) -> list[str]:
    """The local times of a series' rule."""
    return [*map(text_of, instances(series.rrule, local_of(series.starts)))]


def ids_of(series: Series) -> list[str]:
    """The recurrence ids of a series."""
    return recurrence_ids(of_series(series), series.rdates, series.exdates)


@st.composite
def plans(draw: st.DrawFn) -> Series:
    """A series with further dates and excluded ones, of which some session is left."""
    rule, start = draw(rules())
    given = [*map(text_of, instances(str(rule), start))]
    hours = draw(st.sets(st.integers(1, 2000), max_size=4))
    rdates = [text_of(start + timedelta(hours=each)) for each in hours]
    exdates = draw(st.sets(st.sampled_from(sorted({*given, *rdates})), max_size=3))
    command = request(
        starts=CivilTime(text_of(start), "UTC"),
        rrule=str(rule),
        rdates=tuple(rdates),
        exdates=tuple(sorted(exdates)),
    )
    series = planned_series(command, given, "series")
    return series if ids_of(series) else replace(series, exdates=())


@settings(max_examples=40)
@given(plans(), st.data())
def test_the_parts_of_a_split_are_the_whole(series: Series, data: st.DataObject) -> None:
    """Each part is a series by itself; together they give each session once, in order."""
    whole = ids_of(series)
    assert whole == sorted(set(whole))
    at = data.draw(st.sampled_from(whole))
    if at == whole[0]:
        return
    head, tail = split(series, of_series(series), at, "new")
    assert ids_of(head) + ids_of(tail) == whole
    assert ids_of(tail)[0] == at
    assert (head.continued_by, tail.id, tail.continues) == ("new", "new", "series")
    later = ids_of(tail)[-1]
    if later != at:
        middle, end = split(tail, of_series(tail), later, "third")
        assert ids_of(middle) + ids_of(end) == ids_of(tail)


def test_a_part_of_further_dates_only_has_a_rule_too() -> None:
    """A series begins with one of them, once."""
    series = planned_series(request(rdates=("2026-04-01T14:00", "2026-04-02T14:00")), MONDAYS, "s")
    _, tail = split(series, MONDAYS, "2026-04-01T14:00:00", "new")
    assert (tail.starts.local, tail.rrule) == ("2026-04-01T14:00:00", ONCE)
    assert tail.rdates == ("2026-04-02T14:00:00",)


@settings(max_examples=40)
@given(plans(), st.integers(-20_000, 20_000))
def test_a_moved_series_gives_moved_times(series: Series, minutes: int) -> None:
    """Each of them, further and excluded ones too, is later by as much on the wall."""
    by = timedelta(minutes=minutes)
    if list(shift_violations(series, by)):
        return
    moved = [text_of(datetime.fromisoformat(each) + by) for each in ids_of(series)]
    assert ids_of(shifted(series, by, "UTC")) == moved


def test_a_monthly_rule_moves_within_its_days() -> None:
    """No rule gives the day after each first Monday."""
    series = planned_series(request(rrule="FREQ=MONTHLY;BYDAY=1MO;COUNT=2"), MONDAYS[:2], "s")
    assert not list(shift_violations(series, timedelta(hours=2)))
    assert [each.field for each in shift_violations(series, timedelta(days=1))] == ["starts"]


def moved_by(
    command: MoveSeries, sessions: list[Session], now: datetime = BEFORE, room: Room | None = AULA
) -> Any:
    """The series and sessions after a move."""
    moving = to_move(sessions, command, now)
    parts = part_to_move(SERIES, MONDAYS, sessions, moving[0], "new")
    return moved_series(parts, sessions, moving, command, room)


def test_all_that_come_move_as_a_new_series_would_be_planned() -> None:
    """The same times as a series of the moved rule from the start; the series keeps its id."""
    starts = CivilTime("2026-03-04T14:00:00", DUBLIN)
    result = moved_by(replace(MOVE, starts=starts, duration=2 * HOUR), sessions_of(request()))
    fresh = sessions_of(request(starts=starts, duration=2 * HOUR))
    assert (result.head, result.series.id) == (None, "series")
    for after, planned in zip(result.after, fresh, strict=True):
        assert after.recurrence_id == planned.recurrence_id
        assert (after.start_time, after.end_time) == (planned.start_time, planned.end_time)


def test_a_split_move_leaves_what_is_before() -> None:
    """The moved sessions keep their ids and get the new series; the others are not in it."""
    sessions = sessions_of(request())
    command = replace(
        MOVE, from_recurrence_id=MONDAYS[2], starts=CivilTime("2026-03-17T09:00:00", DUBLIN)
    )
    result = moved_by(command, sessions)
    assert [each.id for each in result.sessions] == ["s2", "s3"]
    assert {each.series_id for each in result.after} == {"new"}
    assert ids_of(result.head) == MONDAYS[:2]
    assert ids_of(result.series) == ["2026-03-17T09:00:00", "2026-03-24T09:00:00"]


def test_only_what_is_to_come_moves() -> None:
    """Not what is cancelled, has begun, or was moved alone, unless that is asked for."""
    first, second, third, fourth = sessions_of(request())
    sessions = [
        first,
        replace(second, state=SessionState.CANCELLED),
        replace(third, exception=True, start_time=third.start_time + HOUR),
        fourth,
    ]
    now = first.start_time
    assert [each.id for each in to_move(sessions, MOVE, now)] == ["s3"]
    both = replace(MOVE, with_exceptions=True, starts=CivilTime("2026-03-23T10:00:00", DUBLIN))
    assert [each.id for each in to_move(sessions, both, now)] == ["s3"]
    earlier = [replace(first, start_time=first.start_time + 9 * HOUR), *sessions[1:]]
    assert [each.id for each in to_move(earlier, both, now)] == ["s0", "s2", "s3"]


def test_an_exception_stays_with_the_id_that_its_series_gives() -> None:
    """It stays where it is; if asked, it returns to its place."""
    sessions = sessions_of(request())
    sessions[1] = replace(sessions[1], exception=True, start_time=NINE + 40 * HOUR)
    command = replace(MOVE, starts=CivilTime("2026-03-02T10:00:00", DUBLIN))
    stayed = moved_by(command, sessions).sessions[1]
    assert (stayed.start_time, stayed.exception) == (NINE + 40 * HOUR, True)
    assert stayed.recurrence_id == "2026-03-09T10:00:00"
    back = moved_by(replace(command, with_exceptions=True), sessions).sessions[1]
    assert (back.exception, back.starts.local) == (False, "2026-03-09T10:00:00")


def test_a_move_tells_its_violations() -> None:
    """Time and duration, and a recurrence id that no session has."""
    command = replace(MOVE, starts=CivilTime("x", DUBLIN), duration=timedelta())
    assert [each.field for each in series_move_violations(command)] == ["starts.local", "duration"]
    assert not list(from_violations(sessions_of(request()), MONDAYS[1]))
    (violation,) = from_violations(sessions_of(request()), "2026-03-03T09:00:00")
    assert MONDAYS[0] in violation.right
