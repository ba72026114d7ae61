"""Timetables that are applied: what has changed meanwhile, repeats and races."""

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, sessions_pb2, timetables_pb2
from tandem.types.v1 import types_pb2

from chassis.jobs.runner import Runner
from services.sessions.meeting_pool import MeetingPool
from services.sessions.pages_joining import Doors
from services.sessions.recurrences import instances
from services.sessions.usecases import timetable_applying
from services.sessions.usecases import timetables as use
from tests.integration.sessions.school import RUN, TEACHER, School, race, refused
from tests.integration.sessions.timetables.terms import (
    APPLIED,
    CANCELLED,
    GRID,
    ONE_PERIOD,
    OPTICS,
    PRECONDITION,
    SOLVED,
    SOLVER,
    apply,
    ask,
    available,
    course,
    get,
    plan_at,
    problem,
    request_apply,
    runner_of,
    sessions,
    solve,
)


def refusals(timetable: timetables_pb2.Timetable) -> str:
    """Why a timetable could not be applied."""
    assert timetable.state == SOLVED
    assert timetable.refusals
    assert not any(each.series_id for each in timetable.classes)
    return "\n".join(f"{each.field}: {each.wrong}" for each in timetable.refusals)


# What has changed meanwhile


def retire(school: School, room: str) -> None:
    """Its room goes out of use."""
    school.staff.RetireRoom(sessions_pb2.RetireRoomRequest(room_id=room))


def shrink(school: School, room: str) -> None:
    """Its room has one seat, and learners are two."""
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, capacity=1))


def strip(school: School, room: str) -> None:
    """Its room loses what the course needs."""
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, no_features=True))


def book(school: School, room: str) -> None:
    """Its room is taken by another class in the last week."""
    plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr")


def occupy(school: School, _: str) -> None:
    """Its instructor has another class in the last week."""
    plan_at(school, "2026-04-01T09:30:00", room_id=school.room("Lab"))


def engage(school: School, _: str) -> None:
    """A learner has another class then."""
    school.open_run(OPTICS)
    school.enrol("ada", run_id=OPTICS)
    room = school.room("Lab")
    plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr", run_id=OPTICS)


def free(school: School, _: str) -> None:
    """Its instructor does not teach then any more."""
    available(school, ("13:00", "14:00", False))


def leave(school: School, _: str) -> None:
    """Its instructor is away on days when it is to be held."""
    available(school, ("09:00", "12:20", False))


def close(school: School, _: str) -> None:
    """Its run is closed."""
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=[TEACHER], closed_at=school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))


def pass_by(school: School, _: str) -> None:
    """Its first class is over."""
    school.clock.forward(days=3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (retire, "classes[0].room_id: room 'Aula' is out of use"),
        (shrink, "classes[0].room_id: room 'Aula' seats 1"),
        (strip, "classes[0].room_id: room 'Aula' has no piano any more"),
        (book, "classes[0].occurrences[4].room_id: room 'Aula' is taken by session"),
        (occupy, "classes[0].occurrences[4].instructor_id: instructor 'curie' is taken by session"),
        (engage, "classes[0].occurrences[4].starts: 1 learners are expected in session"),
        (free, "classes[0].instructor_id: 'curie' is not available then any more"),
        (leave, "classes[0].left_out: 'curie' is away on other days than when it was solved"),
        (close, "classes[0].run_id: run 'run-1' is closed"),
        (pass_by, "classes[0].occurrences[0].starts: the session would have ended at"),
    ],
)
def test_what_has_changed_refuses_it(
    school: School, quick: Runner, change: Callable[[School, str], None], told: str
) -> None:
    """All of it: nothing is planned, the change is named, and it may be tried again."""
    room = school.room()
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, features=["piano"]))
    school.enrol("ada", "bea")
    grid = GRID | ONE_PERIOD
    done = solve(school, quick, course(classes=1, features=["piano"]), grid=grid)
    change(school, room)
    before = len(sessions(school))
    assert told in refusals(apply(school, quick, done))
    assert len(sessions(school)) == before
    assert not school.published(events_pb2.SeriesScheduled)


def test_what_was_refused_may_be_applied_later(school: School, quick: Runner) -> None:
    """A class that stood in the way is cancelled: then nothing is refused."""
    room = school.room()
    grid = GRID | ONE_PERIOD
    done = solve(school, quick, course(classes=1), grid=grid)
    clash = plan_at(school, "2026-04-01T09:30:00", room_id=room, instructor_id="bohr")
    assert "is taken by" in refusals(apply(school, quick, done))
    school.staff.CancelSession(sessions_pb2.CancelSessionRequest(session_id=clash.id, reason="ill"))
    applied = apply(school, quick, done)
    assert applied.state == APPLIED
    assert not applied.refusals


def test_hybrid_classes_have_meetings_where_there_are_servers(
    school: School, quick: Runner, tmp_path: Path
) -> None:
    """A course without a URL is refused where there are none; with servers its classes are planned,
    each with a meeting to be made.
    """
    room, hybrid = school.room(), course(kind=types_pb2.SESSION_KIND_HYBRID, classes=1)
    code, text = refused(lambda: ask(school, hybrid))
    assert (code, "problem.courses[0].join_url" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    file = tmp_path / "servers.toml"
    file.write_text(
        '[servers.alpha]\nprovider = "BIGBLUEBUTTON"\ncapacity = 100\n'
        'url = "https://bbb.example.edu/bigbluebutton"\nsecret = "a secret"\n'
    )
    school.api._doors = Doors(school.database, MeetingPool(file, "https://pages.example.edu"))
    done = solve(school, quick, hybrid, grid=GRID | ONE_PERIOD)
    assert done.state == SOLVED, done
    assert apply(school, quick, done).state == APPLIED
    planned = sessions(school)
    assert {(each.room_id, each.join_url) for each in planned} == {(room, "")}
    reader = school.database.reader()
    assert all(reader.meeting(each.id) for each in planned)


# Repeats and races


def test_a_repeat_changes_nothing(school: School, quick: Runner) -> None:
    """Of the request, by its id; and of applying, before and after it is done."""
    school.room()
    asked = timetables_pb2.SolveTimetableRequest(request_id="r1", problem=problem())
    first = school.staff.SolveTimetable(asked)
    assert school.staff.SolveTimetable(asked).id == first.id
    quick.run_due()
    request_apply(school, first)
    request_apply(school, first)
    quick.run_due()
    applied = get(school, first.id)
    planned = sessions(school)
    assert request_apply(school, first) == applied
    quick.run_due()
    assert sessions(school) == planned


def test_of_two_timetables_for_one_room_one_is_applied(school: School, quick: Runner) -> None:
    """At once, in two processes: the other one names its clashes, and plans nothing."""
    school.room()
    grid = GRID | ONE_PERIOD
    asked = [course(classes=1), course(classes=1, instructor_id="bohr")]
    both = [solve(school, quick, each, grid=grid) for each in asked]
    for each in both:
        request_apply(school, each)
    runners = [quick, runner_of(school, SOLVER)]
    race(lambda each: each.run_due(), runners)
    states = sorted(get(school, each.id).state for each in both)
    assert states == sorted([SOLVED, APPLIED])
    assert len({each.series_id for each in sessions(school)}) == 1


def test_plans_of_a_room_that_changes_are_made_anew(school: School, quick: Runner) -> None:
    """They are made before the transaction, which finds that they are outdated; nothing is planned
    then, and the next attempt plans the room as it is.
    """
    room = school.room()
    done = solve(school, quick)
    request_apply(school, done)
    timetables = school.database.mongo["timetables"]
    timetables.update_one({"_id": done.id}, {"$set": {"job.claim": "c"}})
    reader = school.database.reader()
    prepared = timetable_applying.prepare(reader, instances, use.get(reader, done.id))
    school.staff.UpdateRoom(sessions_pb2.UpdateRoomRequest(room_id=room, name="Hall"))
    with pytest.raises(timetable_applying.Outdated):
        school.database.transact(
            lambda store: timetable_applying.apply(store, done.id, "c", prepared)
        )
    assert not sessions(school)
    quick.run_due()
    assert get(school, done.id).state == APPLIED
    told = school.published(events_pb2.SeriesScheduled)
    assert {each.room for each in told} == {"Hall"}


def test_a_timetable_that_nobody_wants_is_cancelled(school: School, quick: Runner) -> None:
    """Before its search, so that no solver takes it; after it, so that nobody can apply it."""
    school.room()

    def cancel(timetable_id: str) -> timetables_pb2.Timetable:
        asked = timetables_pb2.CancelTimetableRequest(timetable_id=timetable_id)
        return school.staff.CancelTimetable(asked)

    waiting = ask(school)
    assert cancel(waiting).state == CANCELLED
    assert quick.run_due() == 0
    done = solve(school, quick)
    assert cancel(done.id) == cancel(done.id) == get(school, done.id)
    assert refused(lambda: request_apply(school, done))[0] == PRECONDITION
    applied = apply(school, quick, solve(school, quick))
    code, text = refused(lambda: cancel(applied.id))
    assert (code, "the timetable is APPLIED" in text) == (PRECONDITION, True)
