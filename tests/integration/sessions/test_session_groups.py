"""Sessions for groups of a run: who is expected, who sits there, who may do what."""

import itertools
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.deep import deep, orders
from tests.integration.sessions.school import RUN, School, Stub, refused

DENIED = grpc.StatusCode.PERMISSION_DENIED
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID = grpc.StatusCode.INVALID_ARGUMENT
IN_ROOM, ONLINE, NONE = (
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_UNSPECIFIED,
)
ABSENT = types_pb2.ATTENDANCE_VERDICT_ABSENT
PRESENT = types_pb2.ATTENDANCE_VERDICT_PRESENT
JOINED = sessions_pb2.PRESENCE_KIND_JOINED
A, B = "group-a", "group-b"


def group(group_id: str, run_id: str = RUN, retired: bool = False) -> catalog.GroupChanged:
    """The event that a run has a group."""
    told = catalog.GroupChanged(group_id=group_id, run_id=run_id, name=group_id.title())
    if retired:
        told.retired_at.FromSeconds(1)
    return told


def member(learner: str, *groups: str) -> catalog.GroupMemberChanged:
    """The event that a learner is in some groups."""
    return catalog.GroupMemberChanged(
        enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner, group_ids=groups
    )


def tutor(person: str, *groups: str) -> catalog.RunStaffChanged:
    """The event that someone is a teacher of some groups, and the only staff of the run."""
    role = options_pb2.STAFF_ROLE_TEACHER
    staff = [catalog_resources.StaffMember(person_id=person, role=role, group_ids=groups)]
    facts = catalog.RunFacts(run_id=RUN, staff=staff, instructor_ids=[person])
    return catalog.RunStaffChanged(run_id=RUN, run=facts)


@pytest.fixture
def tutorials(school: School) -> School:
    """Two groups: ada is in A, bob in B, cyd in both, and dan in none."""
    school.enrol("ada", "bob", "cyd", "dan")
    school.hear("rosters", group(A), group(B))
    school.hear("rosters", member("ada", A), member("bob", B), member("cyd", A, B))
    return school


def test_a_session_is_planned_for_groups(tutorials: School) -> None:
    """They are answered and told; groups that are unknown, retired or named twice are refused."""
    session = tutorials.schedule(tutorials.room(), group_ids=[A, B])
    assert list(tutorials.get(session).group_ids) == [A, B]
    (event,) = tutorials.published(events_pb2.SessionScheduled)
    assert list(event.group_ids) == [A, B]
    tutorials.hear("rosters", group("old", retired=True), group("strange", "run-2"))
    request = tutorials.request(tutorials.room("B"), group_ids=["old", "strange", "none"])
    code, text = refused(lambda: tutorials.staff.ScheduleSession(request))
    assert code is PRECONDITION
    for named in ("'Old' is retired", "no group 'strange'", "no group 'none'"):
        assert named in text
    twice = tutorials.request(tutorials.room("C"), group_ids=[A, A])
    assert refused(lambda: tutorials.staff.ScheduleSession(twice))[0] is INVALID


def test_only_the_groups_are_expected(tutorials: School) -> None:
    """Others are not absent. Who comes from another group, or from none, is present."""
    session = tutorials.live(tutorials.room(), group_ids=[A])
    tutorials.presence_event(session, ("bob", JOINED, 0))
    tutorials.clock.forward(hours=1)
    tutorials.end(session)
    verdicts = {one: row.verdict for one, row in tutorials.attendance(session).items()}
    assert verdicts == {"ada": ABSENT, "bob": PRESENT, "cyd": ABSENT}


def test_the_groups_at_the_end_count(tutorials: School) -> None:
    """Who changes group between the end and the settling was expected where they were."""
    session = tutorials.live(tutorials.room(), group_ids=[A])
    tutorials.clock.forward(hours=1)
    tutorials.stop(session)
    tutorials.hear("rosters", member("ada", B), member("dan", A))
    tutorials.finalise()
    assert sorted(tutorials.attendance(session)) == ["ada", "cyd"]


def test_seats_are_for_the_groups(tutorials: School) -> None:
    """A learner of another group can't choose one."""
    session = tutorials.schedule(tutorials.room(), group_ids=[A])
    tutorials.choose(session, "ada", IN_ROOM)
    for stranger in ("bob", "dan"):
        code, text = refused(lambda one=stranger: tutorials.choose(session, one, ONLINE))  # type: ignore[misc]
        assert (code, "none of the session's groups" in text) == (PRECONDITION, True)
    assert tutorials.choose(session, "bob", NONE).kind == NONE


def test_who_changes_groups_frees_the_seats_that_are_not_theirs(tutorials: School) -> None:
    """The first who waits gets the seat; seats of the new group's sessions and of the run's stay,
    also those that were taken before the event of the group came.
    """
    of_a = tutorials.schedule(tutorials.room("A", capacity=1), group_ids=[A])
    start = types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin")
    of_run = tutorials.schedule(tutorials.room("B"), starts=start)
    for learner in ("ada", "cyd"):
        tutorials.choose(of_a, learner, IN_ROOM)
        tutorials.choose(of_run, learner, IN_ROOM)
    tutorials.hear("rosters", member("ada", B))
    assert [(seat.learner_id, seat.kind) for seat in tutorials.seats(of_a)] == [("cyd", IN_ROOM)]
    assert sorted(seat.learner_id for seat in tutorials.seats(of_run)) == ["ada", "cyd"]
    (promoted,) = tutorials.published(events_pb2.SeatPromoted)
    assert promoted.learner_id == "cyd"


@deep
@pytest.mark.parametrize("order", orders(4))
def test_groups_end_the_same_in_any_order(school: School, order: tuple[int, ...]) -> None:
    """The newest of an enrolment's events decides; an older one changes nothing."""
    told = [
        catalog.EnrolmentCreated(
            enrolment_id="e-ada",
            run_id=RUN,
            learner_id="ada",
            mode=types_pb2.ATTENDANCE_MODE_ONLINE,
        ),
        member("ada", A),
        member("ada", A, B),
        member("ada", B),
    ]
    for place in order:
        school.hear("rosters", told[place], sequences=[place + 1])
    [enrolment] = school.database.reader().enrolments([(RUN, "ada")]).values()
    assert (enrolment.group_ids, enrolment.groups_sequence) == ((B,), 4)
    assert (enrolment.state, enrolment.state_sequence) == ("ENROLLED", 1)


def test_a_tutor_reaches_the_own_group_only(tutorials: School) -> None:
    """Sessions of the group are planned, listed and held; those of others, and of the run, not."""
    tutorials.hear("rosters", tutor("lise", A))
    lise = Stub(tutorials.channel_for("lise"))
    fields: dict[str, Any] = {"instructor_id": "bohr", "kind": types_pb2.SESSION_KIND_ONLINE}
    rooms = itertools.count(10)

    def schedule(stub: Stub, *groups: str) -> resources_pb2.Session:
        start = types_pb2.CivilTime(local=f"2026-03-{next(rooms)}T12:00:00", zone="Europe/Dublin")
        request = tutorials.request("", **fields, starts=start, group_ids=groups)
        return stub.ScheduleSession(request)

    own = schedule(lise, A)
    of_b, of_run = schedule(tutorials.staff, B), schedule(tutorials.staff)
    shared = schedule(tutorials.staff, A, B)
    for groups in ((B,), ()):
        assert refused(lambda groups=groups: schedule(lise, *groups))[0] is DENIED  # type: ignore[misc]
    listed = lise.ListSessions(sessions_pb2.ListSessionsRequest(run_id=RUN)).sessions
    assert [each.id for each in listed] == [own.id, shared.id]
    for session, let_in in ((own, True), (shared, True), (of_b, False), (of_run, False)):
        request = sessions_pb2.ListSeatsRequest(session_id=session.id)
        if let_in:
            lise.ListSeats(request)
        else:
            assert refused(lambda request=request: lise.ListSeats(request))[0] is DENIED  # type: ignore[misc]
    cancel = sessions_pb2.CancelSessionRequest(session_id=of_b.id, reason="no")
    assert refused(lambda: lise.CancelSession(cancel))[0] is DENIED


def test_attendance_of_a_learner_is_cut_to_the_groups(tutorials: School) -> None:
    """A tutor sees what the learner did in the group's sessions, and not in the run's."""
    of_a = tutorials.end(tutorials.live(tutorials.room("A"), group_ids=[A]))
    start = types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin")
    of_run = tutorials.schedule(tutorials.room("B"), starts=start)
    tutorials.clock.forward(hours=24)
    tutorials.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=of_run.id))
    tutorials.end(of_run)
    tutorials.hear("rosters", tutor("lise", A))
    of_cyd = sessions_pb2.ListAttendanceRequest(learner_id="cyd")

    def seen(person: str) -> set[str]:
        rows = Stub(tutorials.channel_for(person)).ListAttendance(of_cyd).attendance
        return {row.session_id for row in rows}

    assert seen("lise") == {of_a.id}
    assert seen("cyd") == {of_a.id, of_run.id}
