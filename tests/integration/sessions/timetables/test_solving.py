"""Timetables through the real edge and MongoDB, with the real solver in its own environment."""

import pytest
from tandem.sessions.v1 import events_pb2, sessions_pb2

from chassis.jobs.runner import Runner
from tests.integration.sessions.school import School
from tests.integration.sessions.timetables.terms import (
    APPLIED,
    GRID,
    ONE_PERIOD,
    OPTICS,
    SOLVED,
    SOLVER,
    apply,
    available,
    course,
    plan_at,
    real,
    runner_of,
    sessions,
    solve,
)


@pytest.fixture
def runner(school: School) -> Runner:
    """What runs jobs with the real solver."""
    return runner_of(school, SOLVER)


@real
def test_a_term_is_solved_and_applied(school: School, runner: Runner) -> None:
    """The classes have a room and different times; each becomes a weekly series without the
    holiday; events tell the progress and the end.
    """
    room = school.room(capacity=30)
    school.enrol("ada", "bea")
    done = solve(school, runner)
    assert done.state == SOLVED, done
    assert {each.room_id for each in done.classes} == {room}
    assert len({(each.weekday, each.period) for each in done.classes}) == 2
    assert not done.missing
    assert done.progress.missing == 0
    assert not sessions(school)
    (progressed,) = school.published(events_pb2.TimetableProgressed)
    (solved,) = school.published(events_pb2.TimetableSolved)
    assert (progressed.timetable_id, progressed.name) == (done.id, "Spring")
    assert (solved.placed, solved.missing) == (2, 0)

    applied = apply(school, runner, done)
    assert applied.state == APPLIED, applied.refusals
    series = [each.series_id for each in applied.classes]
    told = school.published(events_pb2.SeriesScheduled)
    assert sorted(each.series_id for each in told) == sorted(series)
    planned = sessions(school)
    assert len(planned) == 2 * 5 - sum(each.weekday == 2 for each in applied.classes)
    assert "2026-03-17" not in {each.starts.local[:10] for each in planned}
    for each in applied.classes:
        of_one = [one for one in planned if one.series_id == each.series_id]
        assert of_one[0].starts == each.starts
        assert {one.room_id for one in of_one} == {room}


@real
def test_a_timetable_keeps_what_is_planned(school: School, runner: Runner) -> None:
    """A room, an instructor and a learner are busy in one week each: only two periods are left."""
    room = school.room(capacity=30)
    other = school.room("Lab", capacity=1)
    school.open_run(OPTICS)
    school.enrol("ada", "bea")
    school.enrol("ada", run_id=OPTICS)

    plan_at(school, "2026-03-10T09:30:00", room_id=room, instructor_id="bohr")
    plan_at(school, "2026-03-18T08:30:00", room_id=other)
    starts = "2026-03-25T12:00:00"
    plan_at(school, starts, room_id=other, instructor_id="bohr", run_id=OPTICS)
    done = solve(school, runner)
    times = {(each.weekday, each.period) for each in done.classes}
    assert times == {(2, 2), (3, 1)}, done
    assert apply(school, runner, done).state == APPLIED


@real
def test_instructors_teach_in_their_hours(school: School, runner: Runner) -> None:
    """Absences leave dates out; too few hours leave a class without a place, with the reason."""
    school.room()
    available(school, ("10:00", "10:50", False), ("11:30", "12:20", True))
    done = solve(school, runner, course(classes=3))
    assert len(done.classes) == 2
    assert {tuple(each.left_out) for each in done.classes} == {("2026-03-11", "2026-03-18")}
    (missing,) = done.missing
    assert (missing.course, missing.classes) == (0, 1)
    assert list(missing.reasons) == [
        "in 4 of 6 periods it is not available",
        "in 2 of 6 periods it has a class already",
    ]
    assert school.published(events_pb2.TimetableSolved)[-1].missing == 1
    applied = apply(school, runner, done)
    assert applied.state == APPLIED
    days = {each.starts.local[:10] for each in sessions(school)}
    assert days == {"2026-03-04", "2026-03-25", "2026-04-01"}


@real
def test_rooms_have_what_courses_need(school: School, runner: Runner) -> None:
    """Seats for all who are expected, features, and as many periods as a class has."""
    small = school.room("Lab", capacity=1)
    large = school.room("Aula", capacity=2)
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=small, features=["piano"]))
    school.enrol("ada", "bea")
    courses = [
        course(classes=1, periods=2),
        course(classes=1, seats=1, features=["piano"], title="Sound", activity_id="sound"),
        course(classes=1, features=["piano"], title="Choir", instructor_id="bohr"),
    ]
    done = solve(school, runner, *courses)
    rooms = {each.course: each.room_id for each in done.classes}
    assert rooms == {0: large, 1: small}
    lengths = {each.course: each.duration.seconds for each in done.classes}
    assert lengths[1] == 3000
    assert lengths[0] in {110 * 60, 140 * 60}
    (missing,) = done.missing
    assert missing.course == 2
    assert list(missing.reasons) == ["no room has all of piano and 2 seats"]


@real
def test_courses_with_learners_in_common_are_apart(school: School, runner: Runner) -> None:
    """Of two rooms and one period a week, the second course has no place."""
    for name in ("Lab", "Aula"):
        school.room(name)
    school.open_run(OPTICS)
    school.enrol("ada", "bea")
    school.enrol("ada", run_id=OPTICS)
    grid = GRID | ONE_PERIOD
    one = course(classes=1)
    two = course(classes=1, run_id=OPTICS, title="Optics", instructor_id="bohr")
    apart = solve(school, runner, one, two, grid=grid)
    (missing,) = apart.missing
    assert list(missing.reasons) == ["in 1 of 1 periods group 1 (Motion, Optics) has another class"]
