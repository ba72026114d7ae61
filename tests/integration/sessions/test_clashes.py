"""Clashes that come later, by enrolments and plans, as events and as a list."""

from collections.abc import Callable

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.worker import check_clashes
from tests.conftest import FakeClock
from tests.deep import Order, orders
from tests.integration.sessions.school import RUN, School, race, refused

OTHER = "run-2"
MODE = types_pb2.ATTENDANCE_MODE_CLASSROOM
ONE_O_CLOCK = types_pb2.CivilTime(local="2026-03-02T13:00:00", zone="Europe/Dublin")


def enrolled(run_id: str, learner_id: str = "ada") -> Message:
    """The event of an enrolment."""
    return catalog.EnrolmentCreated(
        enrolment_id=f"{run_id}-{learner_id}", run_id=run_id, learner_id=learner_id, mode=MODE
    )


def withdrawn(run_id: str, learner_id: str = "ada") -> Message:
    """The event of a withdrawal."""
    return catalog.EnrolmentWithdrawn(enrolment_id="e", run_id=run_id, learner_id=learner_id)


def clashes(school: School, run_id: str = "", learner_id: str = "") -> list[resources_pb2.Clash]:
    """The clashes that an office sees after the worker has done its checks."""
    check_clashes(school.database)
    request = sessions_pb2.ListClashesRequest(run_id=run_id, learner_id=learner_id)
    return list(school.staff.ListClashes(request).clashes)


def told(school: School) -> tuple[int, int]:
    """How many clashes were found, and how many resolved."""
    found = school.published(events_pb2.ClashFound)
    return len(found), len(school.published(events_pb2.ClashResolved))


@pytest.fixture
def noon(school: School) -> tuple[School, resources_pb2.Session, resources_pb2.Session]:
    """A school with a class of each of two runs at noon, without learners."""
    school.open_run(OTHER)
    motion = school.schedule(school.room())
    optics = school.schedule(
        school.room("Lab"),
        run_id=OTHER,
        title="Optics",
        instructor_id="bohr",
        max_learner_clashes=9,
    )
    return school, motion, optics


Noon = tuple[School, resources_pb2.Session, resources_pb2.Session]


def test_an_enrolment_that_makes_classes_clash_is_told_once(noon: Noon) -> None:
    """The event names the learner and both sessions; a repeated enrolment tells nothing more."""
    school, motion, optics = noon
    school.hear("rosters", enrolled(RUN), enrolled(OTHER), sequences=[1, 2])
    (clash,) = clashes(school)
    school.hear("rosters", enrolled(RUN), enrolled(OTHER), sequences=[1, 2])
    school.hear("rosters", enrolled(OTHER))
    assert clashes(school) == [clash]
    (event,) = school.published(events_pb2.ClashFound)
    assert (event.learner_id, event.session_id, event.other_session_id) == (
        "ada",
        *sorted([motion.id, optics.id]),
    )
    assert {event.title, event.other_title} == {"Motion", "Optics"}
    assert event.start_time == event.other_start_time == motion.start_time


def test_staff_see_clashes_from_the_side_of_their_run(noon: Noon) -> None:
    """A run's staff see the own session and the other one's id, title and times; a learner sees the
    own clashes, and nobody those of others."""
    school, motion, optics = noon
    school.hear("rosters", enrolled(RUN), enrolled(OTHER), enrolled(OTHER, "bob"))
    for run_id, own, other in ((RUN, motion, optics), (OTHER, optics, motion)):
        (clash,) = clashes(school, run_id)
        assert (clash.run_id, clash.session_id, clash.other_session_id) == (
            run_id,
            own.id,
            other.id,
        )
        assert (clash.other_title, clash.other_start_time) == (other.title, other.start_time)
    own_request = sessions_pb2.ListClashesRequest(learner_id="ada")
    assert len(school.learner("ada").ListClashes(own_request).clashes) == 1
    assert "ada" not in refused(lambda: school.learner("bob").ListClashes(own_request))[1]
    assert not clashes(school, learner_id="bob")


@pytest.mark.parametrize("how", ["move", "cancel", "leave", "group"])
def test_a_clash_that_is_none_any_more_is_resolved(noon: Noon, how: str) -> None:
    """By a move, a cancellation, a withdrawal, or another way to take part, and it is told once."""
    school, motion, _ = noon
    school.hear("rosters", enrolled(RUN), enrolled(OTHER))
    assert len(clashes(school)) == 1
    paced = catalog.EnrolmentModeChanged(
        enrolment_id="e", run_id=RUN, learner_id="ada", to_mode=types_pb2.ATTENDANCE_MODE_SELF_PACED
    )
    ways: dict[str, Callable[[], object]] = {
        "move": lambda: school.staff.MoveSession(
            sessions_pb2.MoveSessionRequest(session_id=motion.id, starts=ONE_O_CLOCK)
        ),
        "cancel": lambda: school.staff.CancelSession(
            sessions_pb2.CancelSessionRequest(session_id=motion.id, reason="ill")
        ),
        "leave": lambda: school.hear("rosters", withdrawn(RUN)),
        "group": lambda: school.hear("rosters", paced),
    }
    ways[how]()
    assert not clashes(school)
    assert not clashes(school)
    assert told(school) == (1, 1)


def test_a_move_that_still_clashes_changes_the_list_and_tells_nothing(noon: Noon) -> None:
    """The list shows the new time; the clash is the same one."""
    school, motion, _ = noon
    school.hear("rosters", enrolled(RUN), enrolled(OTHER))
    (before,) = clashes(school, RUN)
    half = types_pb2.CivilTime(local="2026-03-02T12:30:00", zone="Europe/Dublin")
    move = sessions_pb2.MoveSessionRequest(session_id=motion.id, starts=half, max_learner_clashes=1)
    moved = school.staff.MoveSession(move)
    (after,) = clashes(school, RUN)
    assert after.start_time == moved.start_time != before.start_time
    assert after.found_at == before.found_at
    assert told(school) == (1, 0)


@pytest.mark.parametrize("order", orders(5))
def test_events_in_any_order_end_in_the_same_clashes(noon: Noon, order: Order) -> None:
    """Enrolments, a withdrawal and an enrolment again, each checked at once or later."""
    school, *_ = noon
    events = [
        (1, enrolled(RUN)),
        (2, enrolled(OTHER)),
        (3, withdrawn(OTHER)),
        (4, enrolled(OTHER)),
        (5, enrolled(RUN, "bob")),
    ]
    for place in order:
        sequence, event = events[place]
        school.hear("rosters", event, sequences=[sequence])
        if place % 2:
            check_clashes(school.database)
    assert [(each.learner_id, each.run_id) for each in clashes(school, RUN)] == [("ada", RUN)]
    found, resolved = told(school)
    assert found - resolved == 1


def test_a_plan_and_an_enrolment_at_once_are_found(school: School) -> None:
    """Whichever is first, either the plan is refused or the clash is found."""
    school.open_run(OTHER)
    school.schedule(school.room())
    rooms = [school.room(f"Room {number}") for number in range(6)]
    school.enrol(*(f"l{number}" for number in range(6)), run_id=RUN)

    def plan(number: int) -> None:
        hour = {"run_id": OTHER, "instructor_id": "bohr", "activity_id": f"a{number}"}
        request = school.request(rooms[number], **hour, max_learner_clashes=6)
        school.api.ScheduleSession(request, None)

    def enrol(number: int) -> None:
        school.hear("rosters", enrolled(OTHER, f"l{number}"))

    race(lambda each: plan(0) if each == 0 else enrol(each), range(6))
    assert {each.learner_id for each in clashes(school, RUN)} == {f"l{n}" for n in range(1, 6)}
    assert told(school) == (5, 0)


def test_what_is_over_is_listed_no_more_and_told_no_more(noon: Noon, clock: FakeClock) -> None:
    """A clash ends with the first of its sessions; nothing is resolved by that."""
    school, *_ = noon
    school.hear("rosters", enrolled(RUN), enrolled(OTHER))
    assert len(clashes(school)) == 1
    clock.forward(hours=5)
    school.hear("rosters", withdrawn(RUN))
    assert not clashes(school)
    assert told(school) == (1, 0)


def test_clashes_come_in_pages(noon: Noon) -> None:
    """Every learner's clash comes once, however small the pages."""
    school, *_ = noon
    learners = [f"l{number}" for number in range(5)]
    school.hear("rosters", *(enrolled(run, who) for run in (RUN, OTHER) for who in learners))
    check_clashes(school.database)
    seen, token = list[str](), ""
    while not seen or token:
        request = sessions_pb2.ListClashesRequest(run_id=RUN, page_size=2, page_token=token)
        page = school.staff.ListClashes(request)
        seen += [each.learner_id for each in page.clashes]
        token = page.next_page_token
    assert seen == learners
