"""Recordings of several parts, their chapters, their line, and how long a run keeps them."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import events_pb2 as library
from tandem.sessions.v1 import events_pb2, recordings_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.class_log import ClassEntry, HandMoved
from services.sessions.worker import RECORDINGS_CHUNK, expire_recordings
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
DAY = 86_400
Session = resources_pb2.Session


def duration(seconds: float) -> Duration:
    """A duration of a request."""
    made = Duration()
    made.FromTimedelta(timedelta(seconds=seconds))
    return made


def stretches(*told: tuple[float, float]) -> list[recordings_pb2.RecordedStretch]:
    """What a part contains, in seconds of the class."""
    return [
        recordings_pb2.RecordedStretch(starts_at=duration(begin), length=duration(length))
        for begin, length in told
    ]


def request(session: Session, item_id: str, **more: Any) -> sessions_pb2.AttachRecordingRequest:
    """A part to attach."""
    return sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id=item_id, **more)


def attach(school: School, session: Session, item_id: str, **more: Any) -> Session:
    """The session after a part was attached."""
    return school.staff.AttachRecording(request(session, item_id, **more))


def withdraw(school: School, session: Session, item_id: str = "") -> Session:
    """The session after a part was withdrawn."""
    return school.staff.WithdrawRecording(
        recordings_pb2.WithdrawRecordingRequest(
            session_id=session.id, item_id=item_id, reason="It shows a learner."
        )
    )


def two_parts(school: School) -> Session:
    """A class that has ended, with one recording of before the break and one of after it."""
    session = school.live(school.room())
    school.clock.forward(hours=1)
    session = school.stop(session)
    attach(school, session, "second", starts_at_offset=duration(1800))
    return attach(school, session, "first", starts_at_offset=duration(-60), further_part=True)


def ids(parts: Sequence[Any]) -> list[str]:
    """The items of some parts."""
    return [each.item_id for each in parts]


def line(school: School, session: Session, stub: Stub | None = None, **more: Any) -> Any:
    """A page of the session's line."""
    asked = recordings_pb2.GetRecordingLineRequest(session_id=session.id, **more)
    return (stub or school.staff).GetRecordingLine(asked)


def test_a_session_has_several_parts(school: School) -> None:
    """A part comes late, is replaced and withdrawn; the newest event tells all parts there are."""
    session = two_parts(school)
    assert ids(session.recordings) == ["first", "second"]
    cut = attach(
        school,
        session,
        "cut",
        replaces_item_id="second",
        stretches=stretches((1800, 600), (2700, 900)),
        transcript_item_id="text",
        captions=[recordings_pb2.Captions(item_id="cc", language="en-IE")],
    )
    told = cut.recordings[1]
    assert (told.item_id, told.starts_at_offset.seconds, told.transcript_item_id) == (
        "cut",
        1800,
        "text",
    )
    assert [(each.starts_at.seconds, each.length.seconds) for each in told.stretches] == [
        (1800, 600),
        (2700, 900),
    ]
    assert ids(withdraw(school, session, "cut").recordings) == ["first"]
    attached = school.published(events_pb2.RecordingAttached)
    assert [ids(each.parts) for each in attached] == [
        ["second"],
        ["first", "second"],
        ["first", "cut"],
    ]
    assert [each.item_id for each in attached] == ["second", "first", "first"]
    [withdrawn] = school.published(events_pb2.RecordingWithdrawn)
    assert (list(withdrawn.item_ids), ids(withdrawn.parts)) == (["cut", "text", "cc"], ["first"])
    assert (withdrawn.withdrawn_by, withdrawn.expired) == (TEACHER, False)


def test_the_first_part_that_can_be_watched_is_the_recording(school: School) -> None:
    """An older caller sees it, also while an earlier part is still processed."""
    session = two_parts(school)
    assert school.get(session).recording.item_id == "first"
    school.hear("recordings", library.ItemAvailable(item_id="second"))
    [listed] = school.staff.ListSessions(sessions_pb2.ListSessionsRequest()).sessions
    assert (listed.recording.item_id, listed.recording.playable) == ("second", True)
    school.hear("recordings", library.ItemAvailable(item_id="first"))
    assert school.get(session).recording.item_id == "first"


def test_what_has_no_place_is_refused(school: School) -> None:
    """All faults at once, and nothing is stored."""
    session = two_parts(school)
    school.hear("recordings", library.ItemFailed(item_id="text", reason="it is empty"))
    status, text = refused(partial(attach, school, session, "third", transcript_item_id="text"))
    assert (status, "it is empty" in text, "2 parts" in text) == (PRECONDITION, True, True)
    status, text = refused(partial(withdraw, school, session, "third"))
    assert (status, "'third' is no part" in text) == (PRECONDITION, True)
    wrong = [recordings_pb2.RecordedStretch()]
    status, text = refused(partial(attach, school, session, "third", stretches=wrong))
    assert (status, "stretches[0].length" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    assert ids(school.get(session).recordings) == ["first", "second"]


def test_all_parts_are_withdrawn_at_once(school: School) -> None:
    """A repeat tells nothing, and a new recording is one as before."""
    session = two_parts(school)
    for _ in range(2):
        after = withdraw(school, session)
        assert (after.HasField("recording"), list(after.recordings)) == (False, [])
    [told] = school.published(events_pb2.RecordingWithdrawn)
    assert (list(told.item_ids), list(told.parts)) == (["first", "second"], [])
    assert attach(school, session, "again").recording.item_id == "again"


def test_parts_that_are_attached_at_once_are_all_there(school: School) -> None:
    """The session is locked, so no part is lost."""
    session = two_parts(school)

    def add(number: int) -> None:
        begin = duration(4_000 + number)
        made = request(session, f"part-{number}", starts_at_offset=begin, further_part=True)
        school.api.AttachRecording(made, None)

    race(add, range(4))
    parts = ids(school.get(session).recordings)
    assert parts == ["first", "second", "part-0", "part-1", "part-2", "part-3"]


def test_the_line_shows_what_happened_at_each_second(school: School) -> None:
    """Chapters and hands of a class with a pause, page by page, as a learner sees them; hands are
    there when the log is gone.
    """
    school.enrol("ada")
    session = school.live(school.room())
    began = school.clock.now()
    for second in (100, 110, 700):
        entry = ClassEntry(
            session_id=session.id,
            at=began + timedelta(seconds=second),
            person_id="bob",
            hand=HandMoved(True),
        )
        school.database.transact(partial(_add, entry=entry))
    attach(school, session, "film", stretches=stretches((0, 600), (900, 600)))
    assert [each.count for each in line(school, session).points] == [2, 1]
    school.clock.forward(hours=1)
    school.stop(session)
    school.database.mongo["class_log"].delete_many({})
    chapters = [("Waves", 960), ("Light", 60), ("Over", 3_000)]
    set_ = school.staff.SetChapters(
        recordings_pb2.SetChaptersRequest(
            session_id=session.id,
            chapters=[
                recordings_pb2.Chapter(title=title, starts_at=duration(at))
                for title, at in chapters
            ],
        )
    )
    assert [each.title for each in set_.chapters] == ["Light", "Waves", "Over"]
    ada, found, token = school.learner("ada"), [], ""
    while True:
        page = line(school, session, ada, page_size=1, page_token=token)
        found += page.points
        token = page.next_page_token
        if not token:
            break
    assert [(each.second, each.at.seconds, each.text, each.count) for each in found] == [
        (60, 60, "Light", 0),
        (100, 100, "", 2),
        (600, 700, "", 1),
        (660, 960, "Waves", 0),
    ]
    assert "bob" not in str(found)
    assert not line(school, session, item_id="film", page_token=token).points[4:]
    status, _ = refused(partial(line, school, session, item_id="other"))
    assert status is PRECONDITION
    for token in ("x", "WzEsIDIsIDMsIDQsIDVd"):
        status, text = refused(partial(line, school, session, page_token=token))
        assert (status, "page_token" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    status, _ = refused(partial(line, school, session, school.learner("eve")))
    assert status is grpc.StatusCode.PERMISSION_DENIED


def _add(store: Any, entry: ClassEntry) -> ClassEntry:
    made: ClassEntry = store.add_entry(entry)
    return made


def _policy(keep: int, end: str = "2026-03-02") -> catalog.RunUpdated:
    policy = catalog_resources.RunPolicy(
        keep_recordings=Duration(seconds=keep * DAY), seat_cutoff=Duration(seconds=3600)
    )
    facts = catalog.RunFacts(
        run_id=RUN, instructor_ids=[TEACHER], policy=policy, end_date=end, zone="Europe/Dublin"
    )
    return catalog.RunUpdated(run=facts)


def test_recordings_end_when_the_run_keeps_them_no_longer(school: School) -> None:
    """Thirty days after its last day they are withdrawn, once; then none can be attached, until the
    run keeps them longer.
    """
    session = two_parts(school)
    school.hear("rosters", _policy(30))
    school.clock.forward(hours=29 * 24)
    expire_recordings(school.database)
    assert ids(school.get(session).recordings) == ["first", "second"]
    school.clock.forward(hours=2 * 24)
    for _ in range(2):
        expire_recordings(school.database)
    assert not school.get(session).recordings
    [told] = school.published(events_pb2.RecordingWithdrawn)
    assert (told.expired, told.withdrawn_by, list(told.item_ids)) == (
        True,
        "",
        ["first", "second"],
    )
    status, text = refused(partial(attach, school, session, "late"))
    assert (status, "keeps recordings until 2026-04-02" in text) == (PRECONDITION, True)
    assert school.database.reader().runs_without_recordings(9) == []
    school.hear("rosters", _policy(90))
    attach(school, session, "late")
    school.hear("rosters", _policy(10))
    expire_recordings(school.database)
    assert not school.get(session).recordings


def test_what_was_replaced_or_withdrawn_ends_too(school: School) -> None:
    """The whole version that a cut one replaced is kept no longer than that; also in a class of
    which all was withdrawn. It is told once.
    """
    gone = school.schedule(school.room("B"), instructor_id="bohr", duration=duration(9_000))
    cut = two_parts(school)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=gone.id))
    attach(school, cut, "cut", replaces_item_id="first", starts_at_offset=duration(5))
    attach(school, gone, "other")
    withdraw(school, gone)
    earlier = len(school.published(events_pb2.RecordingWithdrawn))
    school.hear("rosters", _policy(30))
    school.clock.forward(hours=32 * 24)
    for _ in range(2):
        expire_recordings(school.database)
    told = school.published(events_pb2.RecordingWithdrawn)[earlier:]
    assert {each.session_id: sorted(each.item_ids) for each in told} == {
        cut.id: ["cut", "first", "second"],
        gone.id: ["other"],
    }
    assert len(told) == 2
    assert all(each.expired for each in told)


def test_many_recordings_end_in_units_of_work(school: School) -> None:
    """More sessions than one unit of work takes; those of other runs stay."""
    session = two_parts(school)
    row = school.database.mongo["sessions"].find_one({"_id": session.id})
    assert row is not None
    more = [row | {"_id": f"s-{each}"} for each in range(RECORDINGS_CHUNK)]
    other = row | {"_id": "other", "run_id": "run-2"}
    school.database.mongo["sessions"].insert_many([*more, other])
    school.hear("rosters", _policy(1))
    school.clock.forward(hours=3 * 24)
    expire_recordings(school.database)
    told = school.published(events_pb2.RecordingWithdrawn)
    assert len({each.session_id for each in told}) == len(told) == RECORDINGS_CHUNK + 1
    left = school.database.mongo["sessions"].find({"recording_item_id": {"$gt": ""}})
    assert [each["_id"] for each in left] == ["other"]


def test_a_recording_stays_when_the_attendance_is_final(school: School) -> None:
    """The end of the class and its finalisation don't touch the parts."""
    session = school.live(school.room(), kind=types_pb2.SESSION_KIND_HYBRID)
    attach(school, session, "film")
    attach(school, session, "more", starts_at_offset=duration(60), further_part=True)
    assert ids(school.end(session).recordings) == ["film", "more"]
