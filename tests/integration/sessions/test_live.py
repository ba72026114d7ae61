"""A session from its start to its finalised attendance."""

from functools import partial

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.messaging.subscriptions import Wait
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
IN_ROOM, ONLINE = types_pb2.SEAT_KIND_IN_ROOM, types_pb2.SEAT_KIND_ONLINE
JOINED, LEFT = sessions_pb2.PRESENCE_KIND_JOINED, sessions_pb2.PRESENCE_KIND_LEFT
PRESENT, PARTIAL, ABSENT = (
    types_pb2.ATTENDANCE_VERDICT_PRESENT,
    types_pb2.ATTENDANCE_VERDICT_PARTIAL,
    types_pb2.ATTENDANCE_VERDICT_ABSENT,
)
CAUGHT_UP = types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP


def check_in(
    school: School, session: resources_pb2.Session, learner: str, code: str
) -> sessions_pb2.CheckInResponse:
    request = sessions_pb2.CheckInRequest(session_id=session.id, learner_id=learner, code=code)
    return school.learner(learner).CheckIn(request)


def _attach(
    school: School, session: resources_pb2.Session, item: str, offset: int | None = None
) -> resources_pb2.Session:
    request = sessions_pb2.AttachRecordingRequest(
        session_id=session.id,
        item_id=item,
        starts_at_offset=None if offset is None else Duration(seconds=offset),
    )
    return school.staff.AttachRecording(request)


def test_a_recording_begins_at_an_offset_from_the_class(school: School) -> None:
    """The same item again corrects it, a repeat publishes nothing, and a day is the most."""
    session = school.live(school.room())
    assert not _attach(school, session, "film").recording.starts_at_offset.seconds
    for _ in range(2):
        assert _attach(school, session, "film", -90).recording.starts_at_offset.seconds == -90
    told = school.published(events_pb2.RecordingAttached)
    assert [(each.item_id, each.starts_at_offset.seconds) for each in told] == [
        ("film", 0),
        ("film", -90),
    ]
    for offset in (86_401, -86_401):
        status, text = refused(partial(_attach, school, session, "film", offset))
        assert (status, "starts_at_offset" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_when_a_partial_learner_was_there_is_told(school: School) -> None:
    """With the settled attendance; and again if late events change only this."""
    school.enrol("ada", "bob")
    session = school.live(school.room())
    school.presence_event(session, ("ada", JOINED, 5), ("ada", LEFT, 25), ("bob", JOINED, 0))
    school.clock.forward(hours=1)
    school.end(session)
    (settled,) = school.published(events_pb2.AttendanceSettled)
    told = {
        row.learner_id: [(one.start, one.end) for one in row.attended] for row in settled.learners
    }
    assert told == {"ada": [(300.0, 1500.0)], "bob": []}
    school.presence_event(session, ("ada", JOINED, -30), ("ada", LEFT, -25))
    school.presence_event(session, ("ada", LEFT, -25))
    (late,) = school.published(events_pb2.AttendanceAmended)
    assert (late.from_verdict, late.to_verdict) == (PARTIAL, PARTIAL)
    assert [(one.start, one.end) for one in late.attended] == [(300.0, 1500.0), (1800.0, 2100.0)]


def test_start_and_end_answer_repeats(school: School) -> None:
    """Each happens once and is published once; an ended session can't start again."""
    session = school.live(school.room())
    start = sessions_pb2.StartSessionRequest(session_id=session.id)
    assert school.staff.StartSession(start) == session
    school.clock.forward(hours=1)
    over = school.stop(session)
    assert over.state == resources_pb2.SESSION_STATE_ENDED
    assert school.stop(session) == over
    assert refused(lambda: school.staff.StartSession(start))[0] is PRECONDITION
    (began,) = school.published(events_pb2.SessionStarted)
    (ended,) = school.published(events_pb2.SessionEnded)
    assert ended.ended_at.seconds - began.started_at.seconds == 3600
    assert ended.recorded


def test_a_session_to_come_can_not_end(school: School) -> None:
    """It has to begin first."""
    session = school.schedule(school.room())
    assert refused(lambda: school.end(session))[0] is PRECONDITION


def test_attendance_is_finalised_for_everyone_expected(school: School) -> None:
    """Check-ins, joins and leaves become attendance; a learner who did not come is ABSENT. Who only
    waited for a seat has none.
    """
    school.enrol("room", "online", "short", "late", "away", "waits")
    school.enrol("alone", "alone-seated", "alone-came", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    session = school.schedule(school.room(capacity=1))
    for learner in ("room", "waits"):
        school.choose(session, learner, IN_ROOM)
    school.choose(session, "alone-seated", ONLINE)
    school.clock.forward(hours=4)
    session = school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    check_in(school, session, "room", session.check_in_code)
    results = school.presence_event(
        session,
        ("online", LEFT, 50),
        ("online", JOINED, -3),
        ("short", JOINED, 5),
        ("short", LEFT, 25),
        ("late", JOINED, 50),
        ("alone-came", JOINED, 0),
    )
    assert all(result.changed and not result.violations for result in results)
    school.clock.forward(hours=1)
    school.end(session)
    rows = school.attendance(session)
    assert {learner: (row.verdict, row.minutes) for learner, row in rows.items()} == {
        "room": (PRESENT, 60),
        "online": (PRESENT, 50),
        "short": (PARTIAL, 20),
        "late": (ABSENT, 10),
        "away": (ABSENT, 0),
        "alone-seated": (ABSENT, 0),
        "alone-came": (PRESENT, 60),
    }
    (interval,) = rows["short"].intervals
    assert interval.end.seconds - interval.start.seconds == 20 * 60
    (event,) = school.published(events_pb2.AttendanceSettled)
    assert (event.part, event.parts, event.recorded) == (1, 1, True)
    assert {one.learner_id: one.verdict for one in event.learners if not one.waited} == {
        learner: row.verdict for learner, row in rows.items()
    }
    assert [one.learner_id for one in event.learners if one.waited] == ["waits"]
    assert list(event.material_item_ids) == ["slides"]


def test_the_runs_policy_decides(school: School) -> None:
    """Another run may ask for less."""
    school.open_run("lenient", present_share=0.1, partial_share=0.05)
    school.enrol("ada", run_id="lenient")
    session = school.live(school.room(), run_id="lenient")
    school.presence_event(session, ("ada", JOINED, 50))
    school.clock.forward(hours=1)
    school.end(session)
    assert school.attendance(session)["ada"].verdict == PRESENT


def test_presence_rows_stand_alone(school: School) -> None:
    """A bad row is refused by itself, with every fault; repeats are harmless and say so."""
    school.enrol("ada")
    session = school.live(school.room())
    good = sessions_pb2.PresenceMark(learner_id="ada", kind=JOINED, at=school.at())
    presence_events = [good, sessions_pb2.PresenceMark(connection="x"), good]
    presence_events.append(sessions_pb2.PresenceMark(learner_id="zed", kind=JOINED, at=school.at()))
    request = sessions_pb2.RecordPresenceRequest(session_id=session.id, marks=presence_events)
    results = school.meetings.RecordPresence(request).results
    assert [result.row for result in results] == [0, 1, 2, 3]
    assert [result.changed for result in results] == [True, False, False, False]
    assert [[v.field for v in result.violations] for result in results] == [
        [],
        ["learner_id", "kind", "at"],
        [],
        ["learner_id"],
    ]
    assert [result.id for result in results] == ["ada", "", "ada", ""]
    assert not any(result.changed for result in school.meetings.RecordPresence(request).results)


def test_presence_events_wait_for_no_one(school: School) -> None:
    """Long before a session and a day after it has ended each row is refused and says why."""
    school.enrol("ada")
    session = school.schedule(school.room())
    (early,) = school.presence_event(session, ("ada", JOINED, 0))
    assert "starts at" in early.violations[0].wrong
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.clock.forward(hours=1)
    school.end(session)
    school.clock.forward(days=1, seconds=1)
    (late,) = school.presence_event(session, ("ada", JOINED, -30 * 60))
    assert "ended at" in late.violations[0].wrong
    assert school.attendance(session)["ada"].verdict == ABSENT


def test_presence_events_that_come_after_the_end_finalise_again(school: School) -> None:
    """A changed status is published once; repeats and unchanged statuses publish nothing."""
    school.enrol("ada", "bob")
    school.enrol("guest", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    session = school.live(school.room())
    school.presence_event(session, ("bob", JOINED, 0))
    school.clock.forward(hours=1)
    school.end(session)
    late = [("ada", JOINED, -60), ("bob", JOINED, -30), ("guest", JOINED, -20)]
    assert [row.changed for row in school.presence_event(session, *late)] == [True, True, True]
    assert [row.changed for row in school.presence_event(session, *late)] == [False, False, False]
    statuses = {one: row.verdict for one, row in school.attendance(session).items()}
    assert statuses == {"ada": PRESENT, "bob": PRESENT, "guest": PARTIAL}
    amended = [
        (event.learner_id, event.from_verdict, event.to_verdict)
        for event in school.published(events_pb2.AttendanceAmended)
    ]
    assert sorted(amended) == [("ada", ABSENT, PRESENT), ("guest", 0, PARTIAL)]
    school.presence_event(session, ("ada", LEFT, -50))
    assert school.attendance(session)["ada"].verdict == ABSENT
    assert len(school.published(events_pb2.AttendanceAmended)) == 3


def test_who_withdrew_during_the_class_is_not_expected(school: School) -> None:
    """Even with a seat, a withdrawn learner can't check in, and has no attendance, and so no
    catch-up.
    """
    school.enrol("ada", "bob")
    session = school.live(school.room(), "ada", "bob")
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada"))
    code, text = refused(lambda: check_in(school, session, "ada", session.check_in_code))
    assert (code, "no place in the run" in text) == (PRECONDITION, True)
    school.clock.forward(hours=1)
    school.end(session)
    assert {one: row.verdict for one, row in school.attendance(session).items()} == {"bob": ABSENT}


def test_only_who_may_come_sees_where_to_join(school: School) -> None:
    """Staff and learners with a place; to those who wait for one, the link is blank."""
    school.enrol("ada")
    school.hear("rosters", catalog.EnrolmentWaitlisted(run_id=RUN, learner_id="wanda"))
    session = school.schedule(school.room())
    one = sessions_pb2.GetSessionRequest(session_id=session.id)
    for person, url in (("ada", session.join_url), ("wanda", ""), (TEACHER, session.join_url)):
        stub = Stub(school.channel_for(person))
        assert stub.GetSession(one).join_url == url
        (listed,) = stub.ListSessions(sessions_pb2.ListSessionsRequest()).sessions
        assert listed.join_url == url
    assert school.get(session).join_url


def test_attendance_is_listed_by_session_or_learner(school: School) -> None:
    """A learner sees own rows only; naming neither is a fault."""
    school.enrol("ada", "bob")
    room = school.room()
    first = school.live(room)
    school.clock.forward(minutes=30)
    school.end(first)
    second = school.schedule(
        room, starts=types_pb2.CivilTime(local="2026-03-02T18:00:00", zone="UTC")
    )
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=second.id))
    school.end(second)

    def listed(**query: object) -> list[tuple[str, str]]:
        request = sessions_pb2.ListAttendanceRequest(**query)  # type: ignore[arg-type]
        rows = school.learner("ada").ListAttendance(request).attendance
        return [(row.session_id, row.learner_id) for row in rows]

    assert listed(learner_id="ada") == [(first.id, "ada"), (second.id, "ada")]
    assert listed(learner_id="ada", session_id=second.id) == [(second.id, "ada")]
    denied = grpc.StatusCode.PERMISSION_DENIED
    assert refused(lambda: listed(session_id=first.id))[0] is denied
    nothing = sessions_pb2.ListAttendanceRequest()
    assert refused(lambda: school.staff.ListAttendance(nothing))[0] is INVALID


def test_a_recording_is_attached_once_and_replaced(school: School) -> None:
    """The same item publishes nothing, another item publishes again, and none is accepted early."""
    session = school.schedule(school.room())
    assert refused(lambda: _attach(school, session, "film"))[0] is PRECONDITION
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.end(session)
    first = _attach(school, session, "film")
    assert (first.recording.item_id, first.recording.playable) == ("film", False)
    assert _attach(school, session, "film") == first
    assert _attach(school, session, "better").recording.item_id == "better"
    published = school.published(events_pb2.RecordingAttached)
    assert [event.item_id for event in published] == ["film", "better"]


def test_a_catch_up_turns_an_absence(school: School) -> None:
    """ABSENT becomes CAUGHT_UP and is published once; other statuses stay as they are."""
    school.enrol("ada", "bob")
    session = school.live(school.room())
    school.presence_event(session, ("bob", JOINED, 0))
    school.clock.forward(hours=1)
    school.end(session)
    for learner in ("ada", "ada", "bob"):
        school.hear("catch_ups", _caught_up(session.id, learner))
    statuses = {one: row.verdict for one, row in school.attendance(session).items()}
    assert statuses == {"ada": CAUGHT_UP, "bob": PRESENT}
    (event,) = school.published(events_pb2.AttendanceAmended)
    assert (event.run_id, event.learner_id) == (RUN, "ada")
    assert (event.from_verdict, event.to_verdict) == (ABSENT, CAUGHT_UP)
    assert event.reason


def test_a_catch_up_of_nothing_waits(school: School) -> None:
    """The catch-up of an unknown absence can't be applied yet, and waits."""
    with pytest.raises(Wait) as raised:
        school.hear("catch_ups", _caught_up("ghost", "ada"))
    assert "ghost" in "".join(raised.value.reasons.values())


def _caught_up(session_id: str, learner: str) -> progress.CatchUpCompleted:
    return progress.CatchUpCompleted(session_id=session_id, learner_id=learner, in_time=True)
