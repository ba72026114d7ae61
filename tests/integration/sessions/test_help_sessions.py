"""Help sessions through the real edge and MongoDB: what is planned, who clashes, who came."""

from typing import Any

import grpc
from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.usecases import clashes
from tests.integration.sessions.help_desk import DESK, HELP
from tests.integration.sessions.school import School, refused

PRESENT, PARTIAL, ABSENT = (
    types_pb2.ATTENDANCE_VERDICT_PRESENT,
    types_pb2.ATTENDANCE_VERDICT_PARTIAL,
    types_pb2.ATTENDANCE_VERDICT_ABSENT,
)
JOINED, LEFT = sessions_pb2.PRESENCE_KIND_JOINED, sessions_pb2.PRESENCE_KIND_LEFT


def test_a_help_session_holds_no_activity(school: School) -> None:
    """A plan with an activity is refused, also in a series; without one it is told with its
    purpose.
    """
    room = school.room()
    wrong = refused(lambda: school.schedule(room, purpose=HELP))
    assert wrong[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert "a help session holds no activity of the path" in wrong[1]
    session = school.schedule(room, **DESK)
    assert (session.purpose, school.get(session).purpose) == (HELP, HELP)
    [told] = school.published(events_pb2.SessionScheduled)
    assert told.purpose == HELP


def test_a_series_may_be_of_help_sessions(school: School) -> None:
    """Each of its sessions, and each of their events, has the purpose."""
    request = sessions_pb2.ScheduleSeriesRequest(
        run_id="run-1",
        title="Help desk",
        kind=types_pb2.SESSION_KIND_ONLINE,
        instructor_id="curie",
        starts=types_pb2.CivilTime(local="2026-03-02T12:00:00", zone="Europe/Dublin"),
        rrule="FREQ=WEEKLY;COUNT=3",
        join_url="https://meet.example.edu/1",
        purpose=HELP,
    )
    request.duration.FromSeconds(3600)
    series = school.staff.ScheduleSeries(request)
    assert series.purpose == HELP
    assert [each.purpose for each in school.published(events_pb2.SessionScheduled)] == [HELP] * 3
    assert [each.purpose for each in school.published(events_pb2.SeriesScheduled)] == [HELP]
    request.activity_ids.append("lecture")
    assert "activity_ids: is given" in refused(lambda: school.staff.ScheduleSeries(request))[1]


def test_learners_clash_with_no_help_session(school: School) -> None:
    """A class and a help session for the same learners are planned at one time; the same room is
    refused.
    """
    school.enrol("ada", "bob")
    lab = school.room("Lab")
    help_session = school.schedule(lab, instructor_id="bohr", **DESK)
    school.schedule(school.room())
    while school.database.transact(clashes.do_checks):
        pass
    assert school.published(events_pb2.ClashFound) == []
    code, text = refused(lambda: school.schedule(lab, **DESK))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert f"room 'Lab' is taken by session {help_session.id}" in text


def test_who_stays_away_is_not_absent(school: School) -> None:
    """Who came is PRESENT or PARTIAL, with a seat or without; all others have no attendance, also
    those with seats.
    """
    school.enrol("ada", "bob", "cyd", "dan")
    session = school.live(school.room(), "ada", "bob", **DESK)
    school.presence_event(session, ("ada", JOINED, 0), ("cyd", JOINED, 0), ("cyd", LEFT, 30))
    school.clock.forward(minutes=60)
    ended = school.end(session)
    assert ended.HasField("attendance_settled_at")
    told = {each: row.verdict for each, row in school.attendance(session).items()}
    assert told == {"ada": PRESENT, "cyd": PARTIAL}
    [part] = school.published(events_pb2.AttendanceSettled)
    assert ([each.learner_id for each in part.learners], part.parts) == (["ada", "cyd"], 1)


def test_staff_makes_nobody_absent_in_a_help_session(school: School) -> None:
    """A correction tells who came after all, and nothing else."""
    school.enrol("ada")
    session = school.live(school.room(), **DESK)
    school.clock.forward(minutes=60)
    school.end(session)

    def correct(verdict: "types_pb2.AttendanceVerdict.ValueType") -> Any:
        return school.staff.CorrectAttendance(
            sessions_pb2.CorrectAttendanceRequest(
                session_id=session.id, learner_id="ada", verdict=verdict, reason="seen"
            )
        )

    code, text = refused(lambda: correct(ABSENT))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "nobody is ABSENT in a help session" in text
    assert correct(PRESENT).verdict == PRESENT
