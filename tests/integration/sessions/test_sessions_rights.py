"""Who sees and does what in which run; the table of all RPCs is in test_access.py."""

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.sessions.school import RUN, TEACHER, School, Stub, refused

DENIED = grpc.StatusCode.PERMISSION_DENIED
IN_ROOM = types_pb2.SEAT_KIND_IN_ROOM


def staff(run_id: str, **roles: str) -> catalog.RunStaffChanged:
    """The staff of a run from now, by person."""
    members = [
        catalog_resources.StaffMember(
            person_id=person, role=options_pb2.StaffRole.Value(f"STAFF_ROLE_{role}")
        )
        for person, role in roles.items()
    ]
    facts = catalog.RunFacts(run_id=run_id, staff=members)
    return catalog.RunStaffChanged(run_id=run_id, run=facts)


def test_lists_are_cut_to_the_callers_runs(school: School) -> None:
    """Staff and learners list the sessions of their runs; a run that is not theirs is denied."""
    school.open_run("run-2")
    school.hear("rosters", staff("run-2", lise="OBSERVER"))
    school.enrol("ada")
    school.enrol("bob", run_id="run-2")
    first = school.schedule(school.room("A")).id
    second = school.schedule(school.room("B"), run_id="run-2", instructor_id="bohr").id
    everything = sessions_pb2.ListSessionsRequest()
    wanted = {"ada": [first], TEACHER: [first], "bob": [second], "lise": [second]}
    for person, seen in wanted.items():
        stub = Stub(school.channel_for(person))
        assert [each.id for each in stub.ListSessions(everything).sessions] == seen
    others = sessions_pb2.ListSessionsRequest(run_id="run-2")
    assert refused(lambda: Stub(school.channel_for(TEACHER)).ListSessions(others))[0] is DENIED
    nobody = Stub(school.channel_for("eve", "instructor"))
    assert refused(lambda: nobody.ListSessions(everything))[0] is DENIED


def test_attendance_of_a_learner_is_cut_to_the_callers_runs(school: School) -> None:
    """A learner of two runs: each teacher sees what is of their own; the learner sees both."""
    school.open_run("run-2")
    school.hear("rosters", staff("run-2", bohr="TEACHER"))
    school.enrol("ada")
    school.enrol("ada", run_id="run-2")
    first = school.end(school.live(school.room("A")))
    second = school.schedule(
        school.room("B"),
        run_id="run-2",
        instructor_id="bohr",
        starts=types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin"),
    )
    school.clock.forward(hours=24)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=second.id))
    school.end(second)
    of_ada = sessions_pb2.ListAttendanceRequest(learner_id="ada", page_size=1)

    def seen(person: str) -> list[str]:
        stub, request, found = Stub(school.channel_for(person)), of_ada, []
        while True:
            page = stub.ListAttendance(request)
            found += [row.session_id for row in page.attendance]
            if not page.next_page_token:
                return sorted(found)
            request = sessions_pb2.ListAttendanceRequest(
                learner_id="ada", page_size=1, page_token=page.next_page_token
            )

    assert seen(TEACHER) == [first.id]
    assert seen("bohr") == [second.id]
    assert seen("ada") == sorted([first.id, second.id])
    assert refused(lambda: seen("eve"))[0] is DENIED


def test_rights_follow_the_newest_staff(school: School) -> None:
    """Who leaves the staff can do nothing more, in whatever order the news comes."""
    session = school.schedule(school.room(), instructor_id="bohr")
    start = sessions_pb2.StartSessionRequest(session_id=session.id)
    teacher = Stub(school.channel_for(TEACHER))
    school.hear("rosters", staff(RUN, lise="ASSISTANT"), sequences=[900])
    school.hear("rosters", staff(RUN, **{TEACHER: "TEACHER"}), sequences=[899])
    assert refused(lambda: teacher.StartSession(start))[0] is DENIED
    assert Stub(school.channel_for("lise")).StartSession(start).check_in_code


def test_the_rooms_code_is_for_who_holds_the_class(school: School) -> None:
    """Assistants and the session's instructor see it; observers and learners don't."""
    school.hear("rosters", staff(RUN, lise="ASSISTANT", olga="OBSERVER"))
    school.enrol("ada")
    session = school.live(school.room(), instructor_id="bohr")
    one = sessions_pb2.GetSessionRequest(session_id=session.id)

    def code(person: str) -> str:
        return Stub(school.channel_for(person)).GetSession(one).check_in_code

    assert code("lise") == code("bohr") == session.check_in_code != ""
    assert code("olga") == code("ada") == ""


def test_an_assistant_helps_a_learner_to_a_seat(school: School) -> None:
    """Nobody's assistant does."""
    school.hear("rosters", staff(RUN, lise="ASSISTANT"))
    school.enrol("ada")
    session = school.schedule(school.room(), instructor_id="bohr")
    seat = sessions_pb2.ChooseSeatRequest(session_id=session.id, learner_id="ada", kind=IN_ROOM)
    assert Stub(school.channel_for("lise")).ChooseSeat(seat).kind == IN_ROOM
    assert refused(lambda: Stub(school.channel_for("eve")).ChooseSeat(seat))[0] is DENIED
