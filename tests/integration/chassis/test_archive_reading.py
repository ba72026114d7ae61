"""Reading from the stream, and from the archive where the stream ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from chassis.archive import layout, reading, segments
from chassis.archive.archive import Archive
from chassis.archive.layout import SEGMENTS, Span
from chassis.archive.segments import Piece
from chassis.archive.store import Bucket
from chassis.messaging import history, topology
from tests.integration.chassis import test_hostile as hostile
from tests.integration.chassis.archives import (
    LONG_AGO,
    archive,
    archived,
    faults,
    read,
    send,
    spans_in,
    subject,
    truncate,
)
from tests.integration.chassis.bus import Bus, channel_of, nothing_to_read
from tests.integration.chassis.test_history_bounds import publish
from tests.integration.chassis.test_hostile import broken
from tests.strangers import array, text


def test_a_reader_gets_from_the_archive_what_the_stream_deleted(
    bus: Bus, bucket: Bucket, stack: dict[str, str]
) -> None:
    """There is no hole and no repeat where it goes over to the stream; offsets that the broker took
    for itself are no hole.
    """
    bus.declare()
    send(bus, 1, 3)
    publish(bus, 130)  # more than two of the stream's files
    before = read(bus, bucket)
    archive(bus, bucket)
    assert spans_in(before) == []
    assert faults(bucket) == []
    assert archived(bucket) == [each[0] for each in before if not isinstance(each, Span)]
    oldest = truncate(bus, stack)
    archive_ends = before[-1][0]
    found = read(bus, bucket)
    assert found[: len(before)] == before
    assert spans_in(found) == [Span(archive_ends + 1, oldest - 1)]
    assert found[len(before) + 1][0] == oldest


def test_reading_begins_at_the_instant(bus: Bus, bucket: Bucket) -> None:
    """Earlier events are not shown, wherever they are; nothing is newer than the future."""
    bus.declare()
    send(bus, 1, 2)
    archive(bus, bucket)
    assert len(read(bus, bucket)) == 2
    with nothing_to_read():
        assert read(bus, bucket, datetime.now(UTC) + timedelta(hours=1)) == []
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(topology.HISTORY)
    bus.declare()
    with nothing_to_read():  # of the stream
        assert read(bus, bucket) == [(0, "e1"), (1, "e2")]
        assert read(bus, bucket, datetime.now(UTC) + timedelta(hours=3)) == []


def test_segments_of_two_archivers_at_once_are_read_once(bus: Bus, bucket: Bucket) -> None:
    """One that was stuck writes late, and its files were removed: readers have each event once."""
    bus.declare()
    send(bus, 1, 4)
    archive(bus, bucket)
    messages = list(history.messages(bus.amqp_url, 0, 3))
    gone, contents = segments.pack(Piece(Span(0, 1), messages[:2], []), {})
    bucket.put(layout.key_of(SEGMENTS, gone.span), segments.write(gone))
    late, contents = segments.pack(Piece(Span(1, 3), messages[1:], []), {})
    for key, content in contents.items():
        bucket.put(key, content)
    bucket.put(layout.key_of(SEGMENTS, late.span), segments.write(late))
    known = Archive(bucket)
    assert [each.offset for each in known.messages(Span(0, 3)) if not isinstance(each, Span)] == [
        0,
        1,
        2,
        3,
    ]
    assert [each for each in known.messages(Span(0, 3)) if isinstance(each, Span)] == []
    kinds = {fault.kind for fault in faults(bucket)}
    assert kinds >= {"overlap", "damaged"}


def test_a_stream_whose_end_was_truncated_is_read_with_the_archive(
    bus: Bus, bucket: Bucket
) -> None:
    """Its offsets are given to other events: none of both is missing, and none comes twice."""
    bus.declare()
    some = send(bus, 1, 5)
    archive(bus, bucket)
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(topology.HISTORY)
    bus.declare()
    bus.publish(*some[:3])
    old = [(number - 1, f"e{number}") for number in range(1, 6)]
    assert read(bus, bucket) == old
    send(bus, 6, 8)
    assert read(bus, bucket) == [*old, (3, "e6"), (4, "e7"), (5, "e8")]
    following = reading.read(bus.amqp_url, Archive(bucket), LONG_AGO, follow=True)
    subjects = [subject(each[1]) for each in islice(following, 8) if not isinstance(each, Span)]
    assert subjects == [f"e{number}" for number in range(1, 9)]
    following.close()  # type: ignore[attr-defined]


def test_what_the_broker_cannot_hand_over_comes_from_the_archive(bus: Bus, bucket: Bucket) -> None:
    """As of a damaged file of the stream; what the archive lacks is listed with its offset."""
    bus.declare()
    sent = send(bus, 1, 2)
    messages = list(history.messages(bus.amqp_url, 0, 1))
    twice = broken(("CC", array([text("a")])), ("CC", text("no list")))
    for _ in range(2):  # offsets 2 and 3; each in a chunk of its own
        hostile.publish(bus, twice)
    send(bus, 3, 3)
    archived_before = [*messages, replace(messages[1], offset=2)]
    segment, contents = segments.pack(Piece(Span(0, 2), archived_before, []), {})
    bucket.prepare()
    for key, content in contents.items():
        bucket.put(key, content)
    bucket.put(layout.key_of(SEGMENTS, segment.span), segments.write(segment))
    found = read(bus, bucket)
    assert [each for each in found if not isinstance(each, Span)] == [
        (0, sent[0].subject),
        (1, sent[1].subject),
        (2, sent[1].subject),
        (3, "the broker can't hand it over"),
        (4, "e3"),
    ]


def test_a_reader_that_follows_goes_on(bus: Bus, bucket: Bucket, stack: dict[str, str]) -> None:
    """From the archive to the stream, and on to what comes."""
    bus.declare()
    send(bus, 1, 2)
    archive(bus, bucket)
    oldest = truncate(bus, stack)
    following = reading.read(bus.amqp_url, Archive(bucket), LONG_AGO, follow=True)
    found = [next(following) for _ in range(4)]
    assert [each if isinstance(each, Span) else each[0] for each in found] == [
        0,
        1,
        Span(2, oldest - 1),
        oldest,
    ]
    send(bus, 3, 3)
    subjects = (subject(each[1]) for each in following if not isinstance(each, Span))
    assert "e3" in subjects
    following.close()  # type: ignore[attr-defined]
