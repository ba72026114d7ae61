"""Rotation of cohorts through the real edge and MongoDB: who gets seats, and what changes them."""

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.worker import give_rotated_seats
from tests.integration.sessions.school import RUN, TEACHER, School, refused

NONE, IN_ROOM, ONLINE, WAITLISTED = (
    types_pb2.SEAT_KIND_UNSPECIFIED,
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_WAITLISTED,
)
CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
GROUPS = {"a": ("ada", "ann"), "b": ("bob", "ben")}
Series = resources_pb2.Series


def assign(school: School, learner: str, group: str) -> None:
    """A learner's group."""
    school.hear(
        "rosters",
        catalog.GroupMemberChanged(
            enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner, group_ids=[group]
        ),
    )


@pytest.fixture
def series(school: School) -> Series:
    """Four weekly hybrid classes in a room of two seats, for two groups of two learners each."""
    for group, learners in GROUPS.items():
        school.hear("rosters", catalog.GroupChanged(group_id=group, run_id=RUN, name=group))
        school.enrol(*learners, mode=CLASSROOM)
        for learner in learners:
            assign(school, learner, group)
    request = sessions_pb2.ScheduleSeriesRequest(
        run_id=RUN,
        title="Motion",
        kind=types_pb2.SESSION_KIND_HYBRID,
        room_id=school.room(capacity=2),
        instructor_id=TEACHER,
        starts=types_pb2.CivilTime(local="2026-03-02T12:00:00", zone="Europe/Dublin"),
        duration=Duration(seconds=3600),
        join_url="https://meet.example.edu/1",
        rrule="FREQ=WEEKLY;COUNT=4",
    )
    return school.staff.ScheduleSeries(request)


def plan(school: School, series: Series, *cohorts: str) -> list[str]:
    """The cohorts of the classes, after a rotation was planned; seats are not given yet."""
    request = sessions_pb2.PlanRotationRequest(series_id=series.id, cohort_ids=cohorts)
    return [each.cohort_id for each in school.staff.PlanRotation(request).classes]


def work(school: School) -> None:
    """Let the worker give seats until nothing is left to do."""
    while school.database.mongo["rotation_notes"].count_documents({}):
        give_rotated_seats(school.database)


def seats(school: School, series: Series, place: int) -> dict[str, Any]:
    """The seats of one class, by learner."""
    one = resources_pb2.Session(id=series.occurrences[place].session_id)
    return {seat.learner_id: seat.kind for seat in school.seats(one)}


def choose(school: School, series: Series, place: int, learner: str, kind: Any) -> None:
    """A seat in one class that a learner chooses."""
    one = resources_pb2.Session(id=series.occurrences[place].session_id)
    school.choose(one, learner, kind)


def test_cohorts_have_the_room_in_turn(school: School, series: Series) -> None:
    """Their learners are given seats in their classes, told as such, and none in the others."""
    assert plan(school, series, "a", "b") == ["a", "b", "a", "b"]
    work(school)
    in_turn = [{"ada": IN_ROOM, "ann": IN_ROOM}, {"bob": IN_ROOM, "ben": IN_ROOM}]
    assert [seats(school, series, place) for place in range(4)] == in_turn * 2
    one = school.get(resources_pb2.Session(id=series.occurrences[0].session_id))
    assert (one.cohort_id, one.in_room) == ("a", 2)
    assert all(seat.by_rotation for seat in school.seats(one))
    assert len(school.published(events_pb2.SeatTaken)) == 8
    plan(school, series, "a", "b")
    work(school)
    assert len(school.published(events_pb2.SeatTaken)) == 8


def test_what_learners_chose_stays(school: School, series: Series) -> None:
    """A place online, a seat in another cohort's class, and a seat that was given up, whatever
    happens to the roster afterwards. Seats that are left are for others.
    """
    choose(school, series, 0, "ada", ONLINE)
    choose(school, series, 0, "bob", IN_ROOM)
    plan(school, series, "a", "b")
    work(school)
    assert seats(school, series, 0) == {"ada": ONLINE, "ann": IN_ROOM, "bob": IN_ROOM}
    choose(school, series, 2, "ann", NONE)
    choose(school, series, 2, "ben", IN_ROOM)
    school.enrol("zoe", mode=CLASSROOM)
    assign(school, "zoe", "b")
    work(school)
    assert seats(school, series, 2) == {"ada": IN_ROOM, "ann": NONE, "ben": IN_ROOM}
    plan(school, series)
    work(school)
    assert seats(school, series, 2) == {"ann": NONE, "ben": IN_ROOM}


def test_a_full_room_makes_a_cohorts_learner_wait(school: School, series: Series) -> None:
    """Nobody is put out of the room, which is never overbooked; a freed seat is the learner's."""
    for learner in ("bob", "ben"):
        choose(school, series, 0, learner, IN_ROOM)
    plan(school, series, "a", "b")
    work(school)
    assert seats(school, series, 0)["ada"] == WAITLISTED
    choose(school, series, 0, "bob", ONLINE)
    assert seats(school, series, 0)["ada"] == IN_ROOM


def test_who_joins_and_leaves_a_cohort(school: School, series: Series) -> None:
    """A change of groups, of the usual mode, or an enrolment changes the seats that were given."""
    plan(school, series, "a", "b")
    work(school)
    assign(school, "ada", "b")
    work(school)
    assert seats(school, series, 0) == {"ann": IN_ROOM}
    assert seats(school, series, 1)["ada"] == WAITLISTED
    school.hear(
        "rosters",
        catalog.EnrolmentModeChanged(
            enrolment_id="e-ann",
            run_id=RUN,
            learner_id="ann",
            to_mode=types_pb2.ATTENDANCE_MODE_ONLINE,
        ),
    )
    school.enrol("amy", mode=CLASSROOM)
    assign(school, "amy", "a")
    work(school)
    assert seats(school, series, 0) == {"amy": IN_ROOM}


def test_a_cancelled_class_does_not_unbalance_the_others(school: School, series: Series) -> None:
    """The cohort that lost both of its classes gets one of the other's, the last; its learners
    get the seats, before anyone who waited for one.
    """
    plan(school, series, "a", "b")
    work(school)
    school.enrol("cyd")
    choose(school, series, 2, "cyd", IN_ROOM)
    for place in (1, 3):
        school.staff.CancelSession(
            sessions_pb2.CancelSessionRequest(
                session_id=series.occurrences[place].session_id, reason="ill"
            )
        )
    work(school)
    assert seats(school, series, 0) == {"ada": IN_ROOM, "ann": IN_ROOM}
    assert seats(school, series, 2) == {"bob": IN_ROOM, "ben": IN_ROOM, "cyd": WAITLISTED}
    assert plan(school, series, "a", "b") == ["a", "b"]


def test_a_series_that_is_cut_short_is_evened_out(school: School, series: Series) -> None:
    """Cancelling the classes from one on leaves the others balanced; a class that moved keeps its
    cohort.
    """
    plan(school, series, "a", "b")
    school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(
            session_id=series.occurrences[0].session_id,
            starts=types_pb2.CivilTime(local="2026-03-13T12:00:00", zone="Europe/Dublin"),
        )
    )
    assert plan(school, series, "a", "b") == ["b", "a", "a", "b"]
    school.staff.CancelSeries(
        sessions_pb2.CancelSeriesRequest(
            series_id=series.id, from_recurrence_id="2026-03-16T12:00:00", reason="ill"
        )
    )
    assert plan(school, series, "a", "b") == ["b", "a"]


def test_seats_stay_after_the_cut_off(school: School, series: Series) -> None:
    """From then on a change of the roster gives and takes none in that class."""
    plan(school, series, "a", "b")
    work(school)
    school.clock.forward(hours=3, minutes=1)
    assign(school, "ada", "b")
    work(school)
    assert seats(school, series, 0) == {"ada": IN_ROOM, "ann": IN_ROOM}
    assert seats(school, series, 2) == {"ann": IN_ROOM}


def test_no_seats_are_given_in_a_run_that_is_over(school: School, series: Series) -> None:
    """A rotation that was planned before leaves the seats as they are."""
    plan(school, series, "a", "b")
    facts = catalog.RunFacts(run_id=RUN, zone="UTC", end_date="2099-12-31", closed_at=school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))
    work(school)
    assert seats(school, series, 0) == {}


def test_a_rotation_that_can_not_be(school: School, series: Series) -> None:
    """A cohort that does not fit, an unknown group, one alone, and learners are refused."""
    school.enrol("amy", mode=CLASSROOM)
    assign(school, "amy", "a")
    code, text = refused(lambda: plan(school, series, "a", "x"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "has 3 learners in the classroom" in text
    assert "cohort_ids[1]" in text
    assert refused(lambda: plan(school, series, "a"))[0] is grpc.StatusCode.INVALID_ARGUMENT
    request = sessions_pb2.PlanRotationRequest(series_id=series.id)
    learner = school.learner("ada")
    assert refused(lambda: learner.PlanRotation(request))[0] is grpc.StatusCode.PERMISSION_DENIED
