"""Recordings of meeting servers come into the library, and become parts of their sessions'."""

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.library.v1 import resources_pb2 as library
from tandem.sessions.v1 import events_pb2, recordings_pb2
from tandem.types.v1 import types_pb2

from campus.meetings.api import VIDEO
from chassis.testing import figure
from services.sessions.domain.recording_copies import NOT_RECORDED, TAKEN_BACK, CopyState
from services.sessions.library_uploads import GrpcLibrary
from services.sessions.timers_meetings import report_copies
from tests.integration.recordings.cinema import Cinema
from tests.integration.sessions.hosting import MeetingServer
from tests.integration.sessions.school import RUN, TEACHER

OTHER_VIDEO = VIDEO.read_bytes() + b"\0\0\0\x08free"
"""The demo's video with an empty box behind it (ISO/IEC 14496-12, section 8.1.2)."""


def copies(outcome: str) -> float:
    """How many copies came to an outcome."""
    return figure("tandem_sessions_recording_copies_total", outcome=outcome)


def seconds(duration: Duration) -> float:
    """A duration in seconds."""
    return duration.ToTimedelta().total_seconds()


def test_a_recording_becomes_a_part_of_its_session(cinema: Cinema) -> None:
    """With captions, where it is on the class's time; only then do learners read it."""
    bytes_before = figure("tandem_sessions_recording_bytes_total")
    session = cinema.class_()
    copy_id = cinema.record(session)
    cinema.house.clock.forward(minutes=30)
    report_copies(cinema.database)
    assert figure("tandem_sessions_recording_oldest_seconds") == 1801
    assert cinema.copy() == 1
    assert cinema.told(copy_id).state is CopyState.COPIED
    assert not cinema.attached()
    cinema.open()
    film, captions = cinema.items()
    assert [each.state for each in (film, captions)] == [library.ITEM_STATE_AVAILABLE] * 2
    assert (film.kind, captions.kind) == (
        types_pb2.ITEM_KIND_RECORDING,
        types_pb2.ITEM_KIND_CAPTIONS,
    )
    assert not [*film.run_ids, *captions.run_ids]
    assert (film.metadata.title, captions.metadata.language) == ("Motion", "en")
    (event,) = cinema.attached()
    (part,) = event.parts
    assert (event.session_id, part.item_id) == (session.id, film.id)
    assert [(each.item_id, each.language) for each in part.captions] == [(captions.id, "en")]
    # The recorder began with the meeting, two minutes before the class did.
    (stretch,) = part.stretches
    assert seconds(stretch.starts_at) == pytest.approx(-120, abs=2)
    assert seconds(stretch.length) == 3600
    cinema.let_library_hear()
    assert not cinema.shelves.may_read("ada", film.id)
    cinema.let_library_hear(event)
    assert cinema.shelves.may_read("ada", film.id)
    assert cinema.told(copy_id).state is CopyState.ATTACHED
    copied = sum(each.renditions[0].size for each in (film, captions))
    assert figure("tandem_sessions_recording_bytes_total") == bytes_before + copied
    report_copies(cinema.database)
    assert figure("tandem_sessions_recording_oldest_seconds") == 0


def test_what_is_told_again_is_copied_once(cinema: Cinema, server: MeetingServer) -> None:
    """However often its server tells of it, and looks find it."""
    server.control("webhooks", copies=3)
    session = cinema.class_()
    cinema.record(session, captions=False)
    cinema.record(session, captions=False)
    cinema.copy()
    cinema.accept()
    cinema.record(session, captions=False)
    assert cinema.copy() == 0
    assert len(cinema.items()) == len(cinema.attached()) == 1


def test_a_bad_download_is_tried_again(cinema: Cinema, server: MeetingServer) -> None:
    """One that is refused for now, breaks off, or is half a file as if it were whole."""
    copy_id = cinema.record(cinema.class_(), captions=False)
    for fault in ("503", "cut", "half"):
        server.control("fault", next=fault, path="/playback")
        cinema.retry()
        cinema.open()
        assert cinema.told(copy_id).state is CopyState.WANTED
    cinema.retry()
    cinema.open()
    copy = cinema.told(copy_id)
    assert (copy.state, copy.reason) == (CopyState.ATTACHED, "")
    good = [each.id for each in cinema.items() if each.state == library.ITEM_STATE_AVAILABLE]
    assert good == [copy.attached_item_id]


def test_what_can_never_be_read_is_refused(cinema: Cinema) -> None:
    """The library refuses it twice; who looks after the platform finds why."""
    before = copies("refused")
    copy_id = cinema.record(cinema.class_(), captions=False)
    cinema.replace(copy_id, b"no film at all" * 100)
    for _ in range(2):
        cinema.copy()
        cinema.open()
    copy = cinema.told(copy_id)
    assert copy.state is CopyState.REFUSED
    assert "video/mp4" in copy.reason
    assert copies("refused") == before + 1
    assert not cinema.attached()


def test_captions_that_are_refused_stop_no_film(cinema: Cinema, server: MeetingServer) -> None:
    """The film becomes a part without them."""
    before = copies("file_refused")
    copy_id = cinema.record(cinema.class_())
    server.control("fault", next="404", path=f"/playback/video/{copy_id[6:]}/caption")
    cinema.copy()
    cinema.accept()
    (event,) = cinema.attached()
    assert not event.parts[0].captions
    assert copies("file_refused") == before + 1
    assert "404" in cinema.told(copy_id).files[1].refused


def test_a_library_that_is_away_is_waited_for(cinema: Cinema) -> None:
    """Nothing counts as failed, and nothing is tried in vain until then."""
    copy_id = cinema.record(cinema.class_(), captions=False)
    with grpc.insecure_channel("127.0.0.1:1") as nowhere:
        assert cinema.copy(GrpcLibrary(nowhere)) == 0
    assert cinema.copy() == 0
    (job,) = (row["job"] for row in cinema.database.mongo["recording_copies"].find())
    assert job["attempts"] == 0
    assert cinema.retry() == 1
    cinema.accept()
    assert cinema.told(copy_id).state is CopyState.ATTACHED


def test_a_replaced_recording_replaces_its_part(cinema: Cinema) -> None:
    """By its id; the captions, which are the same, stay."""
    copy_id = cinema.record(cinema.class_())
    cinema.copy()
    cinema.accept()
    cinema.replace(copy_id, OTHER_VIDEO)
    cinema.copy()
    cinema.accept()
    before, after = cinema.attached()
    assert len(after.parts) == 1
    assert after.parts[0].item_id != before.parts[0].item_id
    assert after.parts[0].captions == before.parts[0].captions


def test_a_deleted_recording_is_withdrawn_and_may_come_back(cinema: Cinema) -> None:
    """It is taken back with what it consists of; published again, it is the same item."""
    session = cinema.class_()
    copy_id = cinema.record(session)
    cinema.copy()
    cinema.accept()
    cinema.gone(copy_id)
    (attached,) = cinema.attached()
    (withdrawn,) = cinema.school.published(events_pb2.RecordingWithdrawn)
    part = attached.parts[0]
    assert list(withdrawn.item_ids) == [part.item_id, part.captions[0].item_id]
    assert (withdrawn.withdrawn_by, len(withdrawn.parts)) == ("", 0)
    assert cinema.told(copy_id).state is CopyState.GONE
    cinema.record(session)
    cinema.copy()
    assert cinema.attached()[1].parts == attached.parts
    assert len(cinema.items()) == 2


def test_a_recording_that_is_deleted_on_its_way_stays_away(cinema: Cinema) -> None:
    """It never becomes a part, though the library opens it."""
    copy_id = cinema.record(cinema.class_(), captions=False)
    cinema.copy()
    cinema.gone(copy_id)
    cinema.accept()
    assert cinema.told(copy_id).state is CopyState.GONE
    assert not cinema.attached()


def test_several_parts_are_attached_where_they_are(cinema: Cinema, server: MeetingServer) -> None:
    """By the class's time, whatever comes first; the server's clock is ten minutes fast."""
    server.control("clock", ahead=600)
    session = cinema.class_()
    cinema.record(session, 30, 60, captions=False)
    cinema.copy()
    cinema.accept()
    cinema.record(session, 0, 25, captions=False)
    cinema.copy()
    cinema.accept()
    begins = [seconds(each.starts_at_offset) for each in cinema.attached()[-1].parts]
    assert begins == [pytest.approx(-120, abs=2), pytest.approx(1680, abs=2)]


def test_a_class_that_is_not_to_be_recorded_stays_so(cinema: Cinema) -> None:
    """Its recording is told, and not copied."""
    before = copies("refused")
    copy_id = cinema.record(cinema.class_(recorded=False))
    assert cinema.copy() == 0
    copy = cinema.told(copy_id)
    assert (copy.state, copy.reason) == (CopyState.REFUSED, NOT_RECORDED)
    assert copies("refused") == before + 1
    assert not cinema.items()


def test_a_run_that_keeps_recordings_no_longer_gets_none(cinema: Cinema) -> None:
    """Nothing is downloaded for it."""
    copy_id = cinema.record(cinema.class_())
    keep = Duration(seconds=60)
    policy = catalog_resources.RunPolicy(keep_recordings=keep, seat_cutoff=keep)
    run = catalog.RunFacts(
        run_id=RUN,
        policy=policy,
        instructor_ids=[TEACHER],
        end_date="2026-03-01",
        zone="Europe/Dublin",
    )
    cinema.school.hear("rosters", catalog.RunUpdated(run=run))
    assert cinema.copy() == 1
    assert cinema.told(copy_id).state is CopyState.REFUSED
    assert "keeps recordings until" in cinema.told(copy_id).reason
    assert not cinema.items()


def test_what_somebody_took_back_stays_away(cinema: Cinema) -> None:
    """A newer version of a part that a teacher withdrew does not come in its place."""
    session = cinema.class_()
    copy_id = cinema.record(session, captions=False)
    cinema.copy()
    cinema.accept()
    cinema.school.staff.WithdrawRecording(
        recordings_pb2.WithdrawRecordingRequest(session_id=session.id, reason="private talk")
    )
    cinema.replace(copy_id, OTHER_VIDEO)
    cinema.copy()
    cinema.accept()
    copy = cinema.told(copy_id)
    assert (copy.state, copy.reason) == (CopyState.REFUSED, TAKEN_BACK)
    assert len(cinema.attached()) == 1
