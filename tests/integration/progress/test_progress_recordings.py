"""Catch-ups of recordings with several parts, by the events of sessions, on the real database."""

from google.protobuf.duration_pb2 import Duration
from tandem.progress.v1 import events_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import recordings_pb2
from tandem.types.v1 import types_pb2

from tests.integration.progress.classroom import (
    CLASS,
    FILM,
    HOUR,
    RUN,
    Classroom,
    available,
    ended,
    lecture,
    scheduled,
)
from tests.integration.progress.test_progress_credit import SECOND_FILM, asks, heard


def part(item_id: str, *stretches: tuple[int, int]) -> recordings_pb2.RecordedPart:
    """A part of the recording, with the seconds of the class that it contains."""
    told = [
        recordings_pb2.RecordedStretch(
            starts_at=Duration(seconds=start), length=Duration(seconds=end - start)
        )
        for start, end in stretches
    ]
    return recordings_pb2.RecordedPart(
        item_id=item_id, starts_at_offset=told[0].starts_at, stretches=told
    )


FIRST = part(FILM, (0, 600), (900, 1800))
LAST = part(SECOND_FILM, (1800, 3600))


def attached(*parts: recordings_pb2.RecordedPart) -> sessions.RecordingAttached:
    """The class has these parts now."""
    return sessions.RecordingAttached(
        session_id=CLASS, run_id=RUN, item_id=parts[0].item_id, parts=parts
    )


def withdrawn(*left: recordings_pb2.RecordedPart) -> sessions.RecordingWithdrawn:
    """A part was taken back."""
    return sessions.RecordingWithdrawn(session_id=CLASS, run_id=RUN, parts=left)


def test_parts_come_and_go_with_their_events(classroom: Classroom) -> None:
    """A late part is added, with what was missed of each; a withdrawn one is taken out, and when
    nothing is left the catch-up is withdrawn. An event that comes twice or late changes nothing.
    """
    classroom.open(lecture(), learners=["ada"])
    now = classroom.clock.now()
    classroom.hear("plans", asks())
    classroom.hear("plans", scheduled(now - HOUR), ended(now))
    classroom.hear("attendance", available(FILM, 1500), available(SECOND_FILM, 1800))
    first = classroom.event(attached(FIRST))
    classroom.hear("attendance", first, heard(classroom, (0, 1000), (2000, 3600)))
    classroom.settle()
    one = classroom.catch_up("ada")
    assert (list(one.item_ids), len(one.missed_parts)) == ([FILM], 0)
    assert list(one.missed) == [types_pb2.Stretch(start=700, end=1500)]
    both = classroom.event(attached(FIRST, LAST))
    classroom.hear("attendance", both, first)
    classroom.settle()
    one = classroom.catch_up("ada")
    assert (list(one.item_ids), list(one.missed)) == ([FILM, SECOND_FILM], [])
    missed = {each.item_id: [(s.start, s.end) for s in each.stretches] for each in one.missed_parts}
    assert missed == {FILM: [(700.0, 1500.0)], SECOND_FILM: [(0.0, 200.0)]}
    changed = classroom.published(events_pb2.CatchUpChanged)[-1]
    assert list(changed.missed_parts) == list(one.missed_parts)
    classroom.hear("attendance", withdrawn(LAST))
    classroom.hear("attendance", both)
    classroom.settle()
    assert list(classroom.catch_up("ada").item_ids) == [SECOND_FILM]
    classroom.hear("attendance", withdrawn())
    classroom.settle()
    assert classroom.catch_ups("ada") == []
    assert len(classroom.published(events_pb2.CatchUpWithdrawn)) == 1
