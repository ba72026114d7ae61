"""Attendance that is true: classes that nobody ends or starts, corrections, starts by mistake."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.messaging.subscriptions import Wait
from services.sessions.worker import end_overdue
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, refused

JOINED, LEFT = sessions_pb2.PRESENCE_KIND_JOINED, sessions_pb2.PRESENCE_KIND_LEFT
PRESENT = types_pb2.ATTENDANCE_VERDICT_PRESENT
PARTIAL = types_pb2.ATTENDANCE_VERDICT_PARTIAL
ABSENT = types_pb2.ATTENDANCE_VERDICT_ABSENT
EXCUSED = types_pb2.ATTENDANCE_VERDICT_EXCUSED
CAUGHT_UP = types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP
UNSPECIFIED = types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED
SCHEDULED, ENDED = resources_pb2.SESSION_STATE_SCHEDULED, resources_pb2.SESSION_STATE_ENDED
LIVE = resources_pb2.SESSION_STATE_LIVE
CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
GRACE = timedelta(minutes=30)


def verdicts(school: School, session: resources_pb2.Session) -> dict[str, int]:
    """The attendance by learner."""
    return {one: row.verdict for one, row in school.attendance(session).items()}


def pass_by(school: School, **time: float) -> None:
    """Time passes, and the timers run."""
    school.clock.forward(**time)
    end_overdue(school.database, GRACE)
    school.finalise()


def test_a_class_that_nobody_ends_settles_by_itself(school: School) -> None:
    """After its planned end and a grace, as if it had been ended on time."""
    school.enrol("ada", "bob", "eve")
    session = school.live(school.room())
    school.presence_event(session, ("ada", JOINED, 0), ("bob", JOINED, 0), ("bob", LEFT, 20))
    pass_by(school, minutes=89)
    assert school.get(session).state == LIVE
    pass_by(school, minutes=1)
    assert school.get(session).state == ENDED
    assert verdicts(school, session) == {"ada": PRESENT, "bob": PARTIAL, "eve": ABSENT}
    (over,) = school.published(events_pb2.SessionEnded)
    assert over.ended_at == session.end_time
    pass_by(school, hours=1)
    assert len(school.published(events_pb2.SessionEnded)) == 1


def test_a_class_that_began_late_has_its_planned_length(school: School) -> None:
    """Its grace begins when its planned length is over."""
    school.enrol("ada")
    session = school.schedule(school.room())
    school.clock.forward(hours=4, minutes=40)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.presence_event(session, ("ada", JOINED, 0))
    pass_by(school, minutes=60)
    assert school.get(session).state == LIVE
    pass_by(school, minutes=30)
    assert (school.get(session).state, verdicts(school, session)) == (ENDED, {"ada": PRESENT})


def test_a_class_that_nobody_starts_is_held_by_those_who_join(school: School) -> None:
    """Joins of before the start count from the start; the class took place as planned."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room())
    school.clock.forward(hours=3, minutes=50)
    school.presence_event(session, ("ada", JOINED, 0))
    pass_by(school, minutes=100)
    assert school.get(session).state == ENDED
    assert verdicts(school, session) == {"ada": PRESENT, "bob": ABSENT}
    (began,) = school.published(events_pb2.SessionStarted)
    assert began.started_at == session.start_time
    assert school.published(events_pb2.SessionNotHeld) == []


def test_a_class_that_nobody_joins_is_told_to_its_teacher(school: School) -> None:
    """Once; nobody is absent from it, and it can be moved and held."""
    school.enrol("ada")
    session = school.schedule(school.room())
    pass_by(school, hours=5, minutes=29)
    assert school.published(events_pb2.SessionNotHeld) == []
    for _ in range(2):
        pass_by(school, minutes=1)
    (told,) = school.published(events_pb2.SessionNotHeld)
    assert (told.session_id, told.instructor_id) == (session.id, TEACHER)
    now = school.get(session)
    assert (now.state, now.HasField("not_held_at"), verdicts(school, now)) == (SCHEDULED, True, {})
    tomorrow = types_pb2.CivilTime(local="2026-03-03T12:00:00", zone="Europe/Dublin")
    move = sessions_pb2.MoveSessionRequest(session_id=session.id, starts=tomorrow)
    assert not school.staff.MoveSession(move).HasField("not_held_at")
    pass_by(school, days=1)
    assert len(school.published(events_pb2.SessionNotHeld)) == 2


@pytest.mark.parametrize("before_the_timer", [True, False])
def test_joins_that_are_told_late_hold_the_class_all_the_same(
    school: School, before_the_timer: bool
) -> None:
    """The end is the same whether the news comes before or after the class was found not held."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room())
    school.clock.forward(hours=5, minutes=40)
    if not before_the_timer:
        pass_by(school)
        assert school.get(session).HasField("not_held_at")
    school.presence_event(session, ("ada", JOINED, -100), ("ada", LEFT, -40))
    pass_by(school)
    assert school.get(session).state == ENDED
    assert not school.get(session).HasField("not_held_at")
    assert verdicts(school, session) == {"ada": PRESENT, "bob": ABSENT}


def test_one_session_that_cannot_be_settled_stops_no_other(school: School) -> None:
    """A row that can't be read is logged; the others are settled."""
    school.enrol("ada")
    whole = school.schedule(school.room("B"), instructor_id="bohr")
    broken = school.live(school.room("A"))
    rows = school.database.mongo["sessions"]
    rows.update_one({"_id": broken.id}, {"$set": {"duration": "an hour"}})
    assert rows.count_documents({"state": "LIVE"}) == 1
    pass_by(school, hours=5)
    assert len(school.published(events_pb2.SessionNotHeld)) == 1
    assert school.get(whole).HasField("not_held_at")


def test_a_start_by_mistake_is_undone(school: School) -> None:
    """The session is to come again; what was recorded counts when it is held."""
    school.enrol("ada")
    session = school.schedule(school.room())
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    undo = sessions_pb2.UndoStartRequest(session_id=session.id)
    for _ in range(2):
        assert school.staff.UndoStart(undo).state == SCHEDULED
    assert len(school.published(events_pb2.SessionStartUndone)) == 1
    school.clock.forward(hours=4)
    school.presence_event(session, ("ada", JOINED, -1))
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.clock.forward(hours=1)
    ended = school.end(session)
    assert verdicts(school, ended) == {"ada": PRESENT}
    assert refused(lambda: school.staff.UndoStart(undo))[0] is grpc.StatusCode.FAILED_PRECONDITION


def test_who_only_waited_for_a_seat_is_not_absent(school: School) -> None:
    """There was no place for them; who holds an online seat meanwhile could have come."""
    school.enrol("ada", "bob", "eve", mode=CLASSROOM)
    session = school.schedule(school.room(capacity=1))
    for learner, kind in (
        ("ada", types_pb2.SEAT_KIND_IN_ROOM),
        ("bob", types_pb2.SEAT_KIND_IN_ROOM),
        ("eve", types_pb2.SEAT_KIND_ONLINE),
        ("eve", types_pb2.SEAT_KIND_IN_ROOM),
    ):
        school.choose(session, learner, kind)
    school.clock.forward(hours=4)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    assert verdicts(school, school.end(session)) == {"ada": ABSENT, "eve": ABSENT}
    (told,) = school.published(events_pb2.AttendanceSettled)
    assert {row.learner_id: row.waited for row in told.learners} == {
        "ada": False,
        "bob": True,
        "eve": False,
    }
    done = progress.CatchUpCompleted(session_id=session.id, run_id=RUN, learner_id="bob")
    school.hear("catch_ups", done)
    assert verdicts(school, session)["bob"] == CAUGHT_UP


def correct(
    school: School,
    session: resources_pb2.Session,
    learner: str,
    verdict: "types_pb2.AttendanceVerdict.ValueType",
    **more: str,
) -> resources_pb2.Attendance:
    """A correction by the run's teacher."""
    return Stub(school.channel_for(TEACHER)).CorrectAttendance(
        sessions_pb2.CorrectAttendanceRequest(
            session_id=session.id, learner_id=learner, verdict=verdict, reason="ill", **more
        )
    )


def test_staff_correct_attendance_with_a_reason_that_is_kept(school: School) -> None:
    """The event tells everything; late presence does not undo it; taking it back does."""
    school.enrol("ada")
    session = school.end(school.live(school.room()))
    row = correct(school, session, "ada", EXCUSED, request_id="c1")
    assert (row.verdict, row.correction.reason, row.correction.corrected_by) == (
        EXCUSED,
        "ill",
        TEACHER,
    )
    assert correct(school, session, "ada", EXCUSED, request_id="c1") == row
    (told,) = school.published(events_pb2.AttendanceCorrected)
    assert (told.from_verdict, told.to_verdict, told.reason) == (ABSENT, EXCUSED, "ill")
    assert (told.learner_id, told.run_id, told.corrected_by) == ("ada", RUN, TEACHER)
    school.clock.forward(hours=1)
    school.presence_event(session, ("ada", JOINED, -60))
    assert verdicts(school, session) == {"ada": EXCUSED}
    back = correct(school, session, "ada", UNSPECIFIED)
    assert not back.HasField("correction")
    assert len(school.published(events_pb2.AttendanceCorrected)) == 2


def test_a_learner_who_was_not_expected_is_corrected_too(school: School) -> None:
    """Somebody who was there without a trace; taken back, there is no attendance again."""
    school.enrol("ada", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    session = school.end(school.live(school.room()))
    assert verdicts(school, session) == {}
    assert correct(school, session, "ada", PRESENT).verdict == PRESENT
    assert verdicts(school, session) == {"ada": PRESENT}
    correct(school, session, "ada", UNSPECIFIED)
    assert verdicts(school, session) == {}
    code, text = refused(lambda: correct(school, session, "stranger", PRESENT))
    assert (code, "not enrolled" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)


@pytest.mark.parametrize("studied_first", [True, False])
def test_a_correction_and_a_catch_up_in_any_order(school: School, studied_first: bool) -> None:
    """An absence that staff confirm and that was studied is CAUGHT_UP, whichever comes first."""
    school.enrol("ada")
    session = school.end(school.live(school.room()))
    done = progress.CatchUpCompleted(session_id=session.id, run_id=RUN, learner_id="ada")
    if studied_first:
        school.hear("catch_ups", done)
    correct(school, session, "ada", ABSENT)
    if not studied_first:
        school.hear("catch_ups", done)
    assert verdicts(school, session) == {"ada": CAUGHT_UP}


@pytest.mark.parametrize("in_order", [True, False])
def test_a_catch_up_that_was_not_studied_after_all(school: School, in_order: bool) -> None:
    """CAUGHT_UP is ABSENT again, whichever comes first; studied again, it is CAUGHT_UP again. Who
    was not expected has no attendance again.
    """
    school.enrol("ada")
    school.enrol("bob", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    session = school.end(school.live(school.room()))
    for learner in ("ada", "bob"):
        about: dict[str, Any] = {
            "catch_up_id": learner,
            "session_id": session.id,
            "learner_id": learner,
        }
        done, not_done = progress.CatchUpCompleted(**about), progress.CatchUpReopened(**about)
        if in_order:
            school.hear("catch_ups", done, sequences=[1])
            assert verdicts(school, session)[learner] == CAUGHT_UP
            school.hear("catch_ups", not_done, sequences=[2])
        else:
            with pytest.raises(Wait):
                school.hear("catch_ups", not_done, sequences=[2])
            school.hear("catch_ups", done, sequences=[1])
            school.hear("catch_ups", not_done, sequences=[2])
    assert verdicts(school, session) == {"ada": ABSENT}
    told = school.published(events_pb2.AttendanceAmended)
    assert [(each.learner_id, each.to_verdict) for each in told] == [
        ("ada", CAUGHT_UP),
        ("ada", ABSENT),
        ("bob", CAUGHT_UP),
        ("bob", UNSPECIFIED),
    ]
    again = progress.CatchUpCompleted(catch_up_id="a", session_id=session.id, learner_id="ada")
    school.hear("catch_ups", again, sequences=[3])
    assert verdicts(school, session) == {"ada": CAUGHT_UP}


def test_what_is_not_settled_yet_is_not_corrected(school: School) -> None:
    """Before the end it is refused; while it is settled, it is to be tried again."""
    school.enrol("ada")
    session = school.live(school.room())
    early = refused(lambda: correct(school, session, "ada", PRESENT))
    assert early[0] is grpc.StatusCode.FAILED_PRECONDITION
    school.stop(session)
    assert refused(lambda: correct(school, session, "ada", PRESENT))[0] is (
        grpc.StatusCode.UNAVAILABLE
    )
    school.finalise()
    assert correct(school, session, "ada", PRESENT).verdict == PRESENT
    wrong = refused(lambda: correct(school, session, "ada", CAUGHT_UP))
    assert wrong[0] is grpc.StatusCode.INVALID_ARGUMENT
