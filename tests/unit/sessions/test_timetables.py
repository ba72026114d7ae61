"""Timetables: the week that repeats, the problem that is solved, and the series that plan it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.audiences import Members
from services.sessions.domain.availability import Absence, Availability, TeachingWindow, can_teach
from services.sessions.domain.civil import instant_of
from services.sessions.domain.enums import CivilTime, Interval, SessionKind
from services.sessions.domain.series_planning import instance_violations, request_violations
from services.sessions.domain.session import Room
from services.sessions.domain.timetable_grid import Grid, Slot, busy_slots, grid_violations
from services.sessions.domain.timetable_plans import (
    change_violations,
    placed_class,
    series_of,
    slot_of,
)
from services.sessions.domain.timetable_problem import (
    MOST_CHOICES,
    Facts,
    document_of,
    held_dates,
    learner_groups,
    size_violations,
)
from services.sessions.domain.timetable_teachers import times_of
from services.sessions.domain.timetables import Course, Problem, Weights, problem_violations
from services.sessions.recurrences import instances
from services.sessions.usecases.series import _given
from tests.unit.sessions.examples import session
from timetabler import documents
from timetabler.problem import Placement
from timetabler.problem import Slot as Period
from timetabler.score import violations

MOTION = Course(
    run_id="run", title="Motion", kind=SessionKind.IN_ROOM, instructor_id="curie", classes=2
)
GRID = Grid(
    zone="Europe/Dublin",
    start_date="2026-03-03",
    end_date="2026-04-05",
    holidays=("2026-03-17",),
    weekdays=(2, 3),
    periods=("09:00", "10:00", "11:30"),
    period_length=timedelta(minutes=50),
)
PROBLEM = Problem(name="Spring", grid=GRID, courses=(MOTION,))
AULA = Room("aula", "Aula", 30)
NOTHING = Facts(rooms=[AULA], calendar=[], teachers={}, counted={}, shared={})
HOURS = Availability(
    person_id="curie",
    zone="Europe/Dublin",
    hours=(TeachingWindow(2, "09:00", "10:50"), TeachingWindow(2, "11:30", "13:00", True)),
    away=(Absence("2026-03-09", "2026-03-12"),),
    set_by="curie",
    changed_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def at(local: str, minutes: int = 60) -> dict[str, Any]:
    """The times of a session in Dublin."""
    start = instant_of(CivilTime(local, "Europe/Dublin"))
    return {"start_time": start, "end_time": start + timedelta(minutes=minutes)}


# The week


def test_a_period_comes_on_its_days_at_its_local_time() -> None:
    """Before and after the clocks change."""
    assert GRID.dates[0][0] == date(2026, 3, 3)
    assert [len(each) for each in GRID.dates] == [5, 5]
    hours = {GRID.interval(day, Slot(0, 0)).start.hour for day in GRID.dates[0]}
    assert hours == {9, 8}


def test_a_class_of_several_periods_takes_the_breaks_too() -> None:
    """From the first one's beginning to the last one's end."""
    assert GRID.duration(0, 1) == timedelta(minutes=50)
    assert GRID.duration(0, 2) == timedelta(minutes=110)
    assert GRID.duration(1, 2) == timedelta(minutes=140)


def test_a_session_is_busy_in_the_periods_that_it_overlaps() -> None:
    """Half-open, on days of the week that count, in any week; a holiday does not count."""
    sessions = [
        session(id="a", **at("2026-03-10T09:50:00", 20)),
        session(id="b", **at("2026-03-10T09:50:00", 10)),
        session(id="c", **at("2026-03-17T09:00:00")),
        session(id="d", **at("2026-03-12T09:00:00")),
        session(id="e", **at("2026-03-31T22:00:00", 13 * 60)),
    ]
    found = [(each.id, slot) for each, slot in busy_slots(GRID, sessions)]
    assert found == [("a", Slot(0, 1)), ("e", Slot(1, 0)), ("e", Slot(1, 1))]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"end_date": "2026-03-02"}, ["end_date"]),
        ({"end_date": "2028-03-02"}, ["end_date"]),
        ({"weekdays": (3, 2)}, ["weekdays"]),
        ({"end_date": "2026-03-03"}, ["weekdays[1]"]),
        ({"periods": ("09:00", "09:30")}, ["periods[0]"]),
        ({"periods": ("09:00", "23:11")}, ["periods[1]"]),
        ({"period_length": timedelta()}, ["period_length"]),
    ],
)
def test_what_is_wrong_with_a_week(change: dict[str, Any], fields: list[str]) -> None:
    """Each field is named."""
    assert [each.field for each in grid_violations(replace(GRID, **change))] == fields


def test_too_many_classes_are_refused() -> None:
    """With how many they are."""
    courses = (replace(MOTION, classes=50),) * 41
    (wrong,) = problem_violations(replace(PROBLEM, courses=courses))
    assert (wrong.field, wrong.wrong) == ("courses", "have 2050 classes")


@pytest.mark.parametrize(
    ("kind", "join_url", "without", "with_servers"),
    [
        (SessionKind.HYBRID, "", ["is missing"], []),
        (SessionKind.HYBRID, "https://x.edu", [], []),
        (SessionKind.IN_ROOM, "", [], []),
        (SessionKind.IN_ROOM, "https://x.edu", ["is given"], ["is given"]),
    ],
)
def test_a_hybrid_course_needs_a_url_where_there_are_no_meeting_servers(
    kind: SessionKind, join_url: str, without: list[str], with_servers: list[str]
) -> None:
    """As a class that is planned alone."""
    problem = replace(PROBLEM, courses=(replace(MOTION, kind=kind, join_url=join_url),))
    for hosts, expected in ((False, without), (True, with_servers)):
        found = problem_violations(problem, hosts)
        assert [(each.field, each.wrong) for each in found] == [
            ("courses[0].join_url", each) for each in expected
        ]


# Instructors


def test_a_person_teaches_in_periods_that_are_in_the_hours_each_week() -> None:
    """Windows that the person prefers make the others disliked; absences are left out instead."""
    times = times_of(HOURS, GRID)
    assert times.unavailable == {Slot(1, 0), Slot(1, 1), Slot(1, 2)}
    assert times.disliked == {Slot(0, 0), Slot(0, 1)}
    assert times.away == {date(2026, 3, 10), date(2026, 3, 11)}
    assert held_dates(GRID, 0, times) == [date(2026, 3, 3), date(2026, 3, 24), date(2026, 3, 31)]


def test_hours_of_another_zone_count_on_each_date() -> None:
    """New York's clocks change three weeks before Dublin's."""
    away = replace(HOURS, zone="America/New_York", hours=(TeachingWindow(2, "04:00", "05:00"),))
    assert Slot(0, 0) in times_of(away, GRID).unavailable
    short = replace(GRID, start_date="2026-03-31")
    assert Slot(0, 0) not in times_of(away, short).unavailable


# Learners


def sharing(*pairs: tuple[int, int], most: int = 0) -> list[list[int]]:
    """The groups of courses, of which some pairs share two learners."""
    courses = tuple(replace(MOTION, run_id=str(number)) for number in range(5))
    shared: dict[Any, Any] = {
        (str(number), ()): {
            str(other): [Members(str(other), (), 2)]
            for pair in pairs
            if number in pair
            for other in pair
        }
        for number in range(5)
    }
    problem = replace(PROBLEM, courses=courses, max_learner_clashes=most)
    return learner_groups(problem, replace(NOTHING, shared=shared))


def test_courses_that_share_learners_form_groups() -> None:
    """All three that share with each other are one; a pair with one of them is another."""
    assert sharing((0, 1), (1, 2), (0, 2), (2, 3)) == [[0, 1, 2], [2, 3]]
    assert sharing((0, 1), most=2) == []


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda p: p[0] < p[1])))
def test_groups_cover_each_pair_and_no_other(pairs: set[tuple[int, int]]) -> None:
    """Whatever courses share learners."""
    groups = sharing(*pairs)
    assert {(a, b) for group in groups for a in group for b in group if a < b} == pairs


def test_alternatives_share_no_learners() -> None:
    """Courses of one activity of a run: each learner attends one of them."""
    courses = (replace(MOTION, activity_id="lab"), replace(MOTION, activity_id="lab"), MOTION)
    counted = {"run": [Members("run", (), 3)]}
    facts = replace(NOTHING, shared={("run", ()): counted})
    assert learner_groups(replace(PROBLEM, courses=courses), facts) == [[0, 2], [1, 2]]


# The problem


def test_the_problem_is_one_of_the_timetabler() -> None:
    """Its document is read without a fault, with all that is busy, needed and wished."""
    busy = [
        session(id="a", room_id="aula", instructor_id="x", **at("2026-03-10T09:00:00", 30)),
        session(id="b", room_id="lab", run_id="r", **at("2026-03-11T10:00:00", 30)),
        session(id="c", room_id="lab", run_id="s", instructor_id="y", **at("2026-03-11T12:00:00")),
    ]
    facts = Facts(
        rooms=[replace(AULA, features=("piano",))],
        calendar=busy,
        teachers={"curie": replace(times_of(HOURS, GRID), unavailable=frozenset())},
        counted={"run": [Members("run", (), 3)]},
        shared={("run", ()): {"s": [Members("s", (), 1)]}},
    )
    course = replace(MOTION, periods=2, min_days=1, seats=2, features=("piano",))
    weights = Weights(capacity=0, days=1, compactness=2, stability=3, dislikes=4)
    asked = documents.problem_of(
        document_of(replace(PROBLEM, courses=(course,), weights=weights), facts)
    )
    (room,), (one,) = asked.rooms, asked.courses
    assert room.unavailable == {Period(0, 0)}
    assert one.unavailable == {Period(1, 1), Period(1, 2)}
    assert (one.length, one.size, one.seats) == (2, 3, 2)
    assert one.needs == {"piano"}
    assert dict(one.disliked) == {Period(0, 0): 1, Period(0, 1): 1}
    assert (asked.weights.capacity, asked.weights.dislikes) == (0, 4)


def test_a_day_on_which_a_person_is_always_away_is_unavailable() -> None:
    """All its periods are."""
    away = replace(HOURS, hours=(), away=(Absence("2026-03-03", "2026-04-05"),))
    times = replace(times_of(away, GRID), unavailable=frozenset())
    (course,) = document_of(PROBLEM, replace(NOTHING, teachers={"curie": times}))["courses"]
    assert len(course["unavailable"]) == 6


def test_a_problem_that_needs_too_much_memory_is_refused() -> None:
    """Only rooms that fit count; and there must be one."""
    courses = (MOTION,) * 1000
    rooms = [replace(AULA, id=str(number)) for number in range(100)]
    large = replace(PROBLEM, courses=courses)
    (wrong,) = size_violations(large, replace(NOTHING, rooms=rooms))
    assert wrong.wrong == "have 600000 choices of a room and a period"
    assert str(MOST_CHOICES) in wrong.right
    counted = {"run": [Members("run", (), 31)]}
    assert not [*size_violations(large, replace(NOTHING, rooms=rooms, counted=counted))]
    (none,) = size_violations(PROBLEM, replace(NOTHING, rooms=[]))
    assert none.field == "room_ids"


# Plans

WINDOWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(6, 12), st.integers(1, 6), st.booleans()), max_size=5
)
ABSENCES = st.lists(st.tuples(st.integers(0, 33), st.integers(0, 9)), max_size=2)


@given(
    windows=WINDOWS,
    absences=ABSENCES,
    busy=st.lists(st.tuples(st.integers(0, 33), st.integers(7, 13)), max_size=4),
    length=st.integers(1, 3),
)
def test_where_no_rule_is_broken_each_class_of_the_term_can_be_held(
    windows: list[tuple[int, int, int, bool]],
    absences: list[tuple[int, int]],
    busy: list[tuple[int, int]],
    length: int,
) -> None:
    """A placement that keeps the timetabler's rules gives a valid series; at each of its times the
    instructor can teach and is not away, it is no holiday, and the room is free.
    """
    day = date(2026, 3, 3)
    known = replace(
        HOURS,
        hours=tuple(
            TeachingWindow(weekday, f"{start:02d}:00", f"{start + hours:02d}:00", liked)
            for weekday, start, hours, liked in windows
        ),
        away=tuple(
            Absence(str(day + timedelta(first)), str(day + timedelta(first + more)))
            for first, more in absences
        ),
    )
    calendar = [
        session(id=str(number), room_id="aula", instructor_id="x", run_id="x",
                **at(f"{day + timedelta(later)}T{hour:02d}:30:00"))
        for number, (later, hour) in enumerate(busy)
    ]  # fmt: skip
    problem = replace(PROBLEM, courses=(replace(MOTION, periods=length),))
    facts = replace(NOTHING, calendar=calendar, teachers={"curie": times_of(known, GRID)})
    asked = documents.problem_of(document_of(problem, facts))
    for slot in asked.slots:
        if [*violations(asked, (Placement("0", "aula", slot),))]:
            continue
        placed = placed_class(problem, facts, 0, AULA, Slot(*slot))
        assert slot_of(GRID, placed) == Slot(*slot)
        assert [*change_violations(problem, facts, [placed])] == []
        for each in occurrences(problem, placed):
            assert can_teach(known, each.start, each.end)
            local = each.start.astimezone(UTC).date()
            assert str(local) not in GRID.holidays
            assert not [
                one for one in calendar
                if one.start_time < each.end and each.start < one.end_time
            ]  # fmt: skip


def occurrences(problem: Problem, placed: Any) -> list[Interval]:
    """When the classes of a placed one are, by the series that plans it, which is valid."""
    command = series_of(problem, placed)
    assert request_violations(command) == []
    times = _given(instances, command.rrule, command.starts)
    assert [*instance_violations(command, times)] == []
    starts = [
        instant_of(CivilTime(local, GRID.zone)) for local in times if local not in command.exdates
    ]
    return [Interval(start, start + command.duration) for start in starts]


def test_a_series_begins_and_ends_with_a_class() -> None:
    """Dates that are left out at its ends are none of its; those between are its EXDATEs."""
    grid = replace(GRID, holidays=("2026-03-03", "2026-03-17", "2026-03-31"))
    problem = replace(PROBLEM, grid=grid)
    placed = placed_class(problem, NOTHING, 0, AULA, Slot(0, 2))
    assert placed.left_out == grid.holidays
    assert placed.starts == CivilTime("2026-03-10T11:30:00", "Europe/Dublin")
    command = series_of(problem, placed)
    assert (command.starts, command.rrule) == (placed.starts, "FREQ=WEEKLY;COUNT=3")
    assert command.exdates == ("2026-03-17T11:30:00",)
