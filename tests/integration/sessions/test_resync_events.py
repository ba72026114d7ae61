"""What a resync of sessions tells: state that news told before, and nothing else."""

from functools import partial
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.sessions.v1 import events_pb2 as told
from tandem.sessions.v1 import recordings_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts.events import Event
from chassis.ids import new_id
from chassis.resync import digests
from chassis.resync.digests import Stretch
from chassis.resync.sources import read
from services.sessions.domain.finalising import LEARNERS_PER_EVENT
from services.sessions.migrations import MIGRATIONS
from services.sessions.originals import ORIGINALS
from services.sessions.sources import SOURCES
from services.sessions.worker import expire_recordings
from tests.integration.sessions.school import RUN, TEACHER, School

IN_ROOM = types_pb2.SEAT_KIND_IN_ROOM
JOINED = sessions_pb2.PRESENCE_KIND_JOINED
PRESENT = types_pb2.ATTENDANCE_VERDICT_PRESENT
NO_VERDICT = types_pb2.ATTENDANCE_VERDICT_UNSPECIFIED


def state(school: School, kind: str, resync_id: str = "") -> list[Event[Any]]:
    """All events of one kind."""
    (source,) = [each for each in SOURCES if each.kind == kind]
    called = resync_id or new_id()
    found: list[Event[Any]] = []
    after: str | None = ""
    while after is not None:
        ask = partial(read, source=source, after=after, resync_id=called)
        page = school.database.transact(ask)
        found += page.events
        after = page.last or None
    return found


def data(school: School, kind: str) -> list[Any]:
    """What they tell."""
    return [each.data for each in state(school, kind)]


def correct(school: School, session: resources_pb2.Session, learner: str, verdict: Any) -> None:
    """Correct a learner's attendance, or take corrections back."""
    request = sessions_pb2.CorrectAttendanceRequest(
        session_id=session.id, learner_id=learner, verdict=verdict, reason="The list was wrong."
    )
    school.staff.CorrectAttendance(request)


def test_attendance_is_told_when_it_is_final(school: School) -> None:
    """Who came, who only waited for a seat, and whose attendance was taken back; nothing of a class
    that takes place. Each event has the sequence of its aggregate.
    """
    school.enrol("here", "waits", "absent")
    school.enrol("guest", mode=types_pb2.ATTENDANCE_MODE_SELF_PACED)
    session = school.live(school.room(capacity=1), "here", "waits")
    school.presence_event(session, ("here", JOINED, 0))
    assert data(school, "attendance") == data(school, "waiting") == []
    school.clock.forward(minutes=55)
    school.end(session)
    correct(school, session, "guest", PRESENT)
    correct(school, session, "guest", NO_VERDICT)
    events = state(school, "attendance")
    sequences = {each["_id"]: each["last"] for each in school.database.mongo["sequences"].find()}
    assert {each.partition_key: each.sequence for each in events} == {
        key: sequences[key] for key in (session.id, f"{session.id}:here", f"{session.id}:guest")
    }
    settled, *amended = sorted(
        (each.data for each in events), key=lambda each: isinstance(each, told.AttendanceAmended)
    )
    assert {each.learner_id: each.verdict for each in settled.learners} == {
        "here": PRESENT,
        "absent": types_pb2.ATTENDANCE_VERDICT_ABSENT,
    }
    assert (settled.part, settled.parts, settled.recorded) == (0, 0, True)
    assert {each.learner_id: each.to_verdict for each in amended} == {
        "here": PRESENT,
        "guest": NO_VERDICT,
    }
    (waiting,) = data(school, "waiting")
    assert isinstance(waiting, told.AttendanceSettled)
    assert [(each.learner_id, each.waited) for each in waiting.learners] == [("waits", True)]


def test_a_large_class_is_told_in_parts(school: School) -> None:
    """Each learner is in one; each part has its own id, the same when it is sent again."""
    crowd = [f"learner-{number:04d}" for number in range(2 * LEARNERS_PER_EVENT + 10)]
    school.enrol(*crowd)
    session = school.live("", kind=types_pb2.SESSION_KIND_ONLINE)
    school.end(session)
    resync_id = new_id()
    events = state(school, "attendance", resync_id)
    assert len({each.id for each in events}) == len(events) == 3
    learners = [each.learner_id for event in events for each in event.data.learners]
    assert sorted(learners) == crowd
    assert [each.id for each in state(school, "attendance", resync_id)] == [e.id for e in events]


def test_classes_are_told_with_the_state_that_they_have(school: School) -> None:
    """One that is to come by one event; the others by one more."""
    room = school.room()
    for _ in range(2):
        school.schedule(room, starts=civil(school, 2))
        school.clock.forward(hours=24)
    cancelled = school.schedule(room, starts=civil(school, 2))
    request = sessions_pb2.CancelSessionRequest(
        session_id=cancelled.id, reason="Snow.", substitute_item_id="instead"
    )
    assert school.staff.CancelSession(request).substitute_item_id == "instead"
    over = school.schedule(room, starts=civil(school, 4))
    school.clock.forward(hours=4)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=over.id))
    (live,) = [each for each in data(school, "sessions") if isinstance(each, told.SessionStarted)]
    assert live.session_id == over.id
    school.clock.forward(minutes=50)
    school.stop(over)
    events = data(school, "sessions")
    states = {each.session_id: each.state for each in events if hasattr(each, "state")}
    assert len(events) == 6
    assert list(states.values()).count(resources_pb2.SESSION_STATE_SCHEDULED) == 2
    assert states[cancelled.id] == resources_pb2.SESSION_STATE_CANCELLED
    assert states[over.id] == resources_pb2.SESSION_STATE_ENDED
    (off,) = [each for each in events if isinstance(each, told.SessionCancelled)]
    assert (off.substitute_item_id, off.reason) == ("instead", "")
    (end,) = [each for each in events if isinstance(each, told.SessionEnded)]
    assert end.ended_at == school.at()


def civil(school: School, hours: float) -> types_pb2.CivilTime:
    """Some hours from now, in Dublin's winter."""
    at = school.at(hours * 60).ToDatetime()
    return types_pb2.CivilTime(local=f"{at:%Y-%m-%dT%H:%M:00}", zone="Europe/Dublin")


@pytest.mark.parametrize("left", [True, False], ids=["another", "nothing"])
def test_a_recording_is_told_with_what_it_has_no_more(school: School, left: bool) -> None:
    """A class that never had a recording is left out: its recording may still come."""
    school.end(school.live(school.room("Lab"), starts=civil(school, 4)))
    session = school.live(school.room(), starts=civil(school, 4))
    school.end(session)
    for item_id in ("film", "cut"):
        request = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id=item_id)
        school.staff.AttachRecording(request)
    if not left:
        withdraw = recordings_pb2.WithdrawRecordingRequest(session_id=session.id, reason="Wrong.")
        school.staff.WithdrawRecording(withdraw)
    (event,) = data(school, "recordings")
    if left:
        assert isinstance(event, told.RecordingAttached)
        assert ([each.item_id for each in event.parts], list(event.replaced_item_ids)) == (
            ["cut"],
            ["film"],
        )
    else:
        assert isinstance(event, told.RecordingWithdrawn)
        assert (list(event.item_ids), len(event.parts)) == (["film", "cut"], 0)
        assert (event.reason, event.expired) == ("", False)


def test_recordings_that_ended_with_their_run_are_told_as_withdrawn(school: School) -> None:
    """So the library takes back what it still shows. It retires nothing: another class, or a path,
    that uses an item may be told later.
    """
    session = school.live(school.room())
    school.end(session)
    request = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="film")
    school.staff.AttachRecording(request)
    keep = catalog_resources.RunPolicy(
        keep_recordings=Duration(seconds=1), seat_cutoff=Duration(seconds=3600)
    )
    ends = catalog.RunFacts(
        run_id=RUN, instructor_ids=[TEACHER], policy=keep, end_date="2026-03-02", zone="UTC"
    )
    school.hear("rosters", catalog.RunUpdated(run=ends))
    school.clock.forward(hours=48)
    expire_recordings(school.database)
    (news,) = school.published(told.RecordingWithdrawn)
    (event,) = data(school, "recordings")
    assert (list(event.item_ids), event.expired) == (list(news.item_ids), False)
    school.open_run()
    later = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="late")
    school.staff.AttachRecording(later)
    (event,) = data(school, "recordings")
    assert list(event.replaced_item_ids) == ["film"]
    withdraw = recordings_pb2.WithdrawRecordingRequest(session_id=session.id, reason="Wrong.")
    school.staff.WithdrawRecording(withdraw)
    (event,) = data(school, "recordings")
    assert (list(event.item_ids), event.expired) == (["film", "late"], False)


@pytest.mark.parametrize("others", [{}, {"chapters": [], "hands": []}], ids=["nothing", "chapters"])
def test_a_recording_of_an_older_version_is_compared(school: School, others: Any) -> None:
    """It stored the item in the session alone; later, chapters and raised hands came."""
    session = school.live(school.room())
    school.end(session)
    school.staff.AttachRecording(
        sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="film")
    )
    kept, reader = ORIGINALS["recordings"], school.database.reader()
    (whole,), _ = digests.rows(reader, kept, ["first", "item_ids"], Stretch())
    stored = school.database.mongo["recordings"]
    stored.delete_one({"_id": session.id})
    if others:
        stored.insert_one({"_id": session.id, "run_id": RUN, **others})
    last = next(each for each in MIGRATIONS if each.number == 32)
    for _ in range(2):
        last.run(school.database.mongo)
    assert digests.rows(reader, kept, ["first", "item_ids"], Stretch()) == ([whole], False)
