"""The archive: a real stream, a real S3 store, and archivers that die anywhere."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pika
import pytest

from chassis.archive import layout, segments, verifying
from chassis.archive.archive import Archive
from chassis.archive.archiver import Archiver, OtherStream
from chassis.archive.layout import PENDING, SEGMENTS, SET_ASIDE, Span
from chassis.archive.process import LeaseLost
from chassis.archive.store import Bucket, StoreAway
from chassis.archive.verifying import Fault
from chassis.contracts.events import Event, UndecodableError
from chassis.messaging import history, topology
from chassis.operations import metrics
from tests.integration.chassis.archives import (
    MemoryKeys,
    archive,
    archived,
    faults,
    read,
    send,
    spans_in,
    truncate,
)
from tests.integration.chassis.bus import Bus, an_event, channel_of, nothing_to_read


def test_everything_is_archived_once(bus: Bus, bucket: Bucket) -> None:
    """Round after round, each adds what is new; the files are by day and type."""
    bus.declare()
    with nothing_to_read():
        archive(bus, bucket)
    assert list(bucket.listed("")) == []
    send(bus, 1, 3)
    archive(bus, bucket)
    archive(bus, bucket)
    send(bus, 4, 5)
    archive(bus, bucket)
    assert archived(bucket) == [0, 1, 2, 3, 4]
    report = verifying.verify(Archive(bucket))
    assert (report.segments, report.files, report.messages, report.last) == (2, 2, 5, 4)
    assert report.faults == []
    (first, _) = sorted(each.key for each in bucket.listed("events/"))
    assert first.startswith("events/2026-03-02/tandem.catalog.enrolment.withdrawn.v1/")


def test_every_message_is_archived_as_it_is(bus: Bus, bucket: Bucket) -> None:
    """A stranger's too: a reader of the archive gets what a reader of the stream gets."""
    bus.declare()
    send(bus, 1, 1)
    strange: list[tuple[Any, bytes]] = [
        (None, b"\xff"),
        ({"cloudEvents_id": 3}, b"{}"),
        ({"when": datetime(2026, 3, 2, tzinfo=UTC), "deep": {"a": [1, None]}}, b""),
        ({f"cloudEvents_{name}": "\N{RIGHT-TO-LEFT OVERRIDE}" for name in ("id", "type")}, b"{}"),
    ]
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for headers, body in strange:
            properties = pika.BasicProperties(headers=headers)
            channel.basic_publish(topology.EXCHANGE, "strange", body, properties)
    send(bus, 2, 2)
    archive(bus, bucket)
    assert faults(bucket) == []
    from_stream = list(history.read(bus.amqp_url, "first"))
    from_archive = list(Archive(bucket).messages(Span(0, len(from_stream) - 1)))
    assert [each.event for each in from_archive if not isinstance(each, Span)] == [
        each if isinstance(each, Event) else unequal(each) for _, each in from_stream
    ]


def unequal(error: UndecodableError) -> Any:
    """An error that equals another with the same text."""

    class Same:
        def __eq__(self, other: object) -> bool:
            return str(other) == str(error)

        __hash__ = None  # type: ignore[assignment]

    return Same()


class Dies(Exception):
    """The process ends here."""


class Mortal(Bucket):
    """A bucket whose client dies before or after its next-but-`left` change."""

    left, after = 0, False

    def put(self, key: str, content: bytes) -> None:
        """Store an object, or die."""
        self._step(lambda: super(Mortal, self).put(key, content))

    def remove(self, key: str) -> None:
        """Remove an object, or die."""
        self._step(lambda: super(Mortal, self).remove(key))

    def _step(self, act: Callable[[], None]) -> None:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Dies
        act()
        if self.left == 0:
            raise Dies


def test_an_archiver_may_die_between_any_two_steps(
    bus: Bus, make_bucket: Callable[..., Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, at each change of the store: nothing is lost, repeated or left over.

    More events come between a death and the next archiver, so that its segment is another one.
    """
    monkeypatch.setattr(segments, "MOST_MESSAGES", 3)
    bus.declare()
    bucket: Any = make_bucket(Mortal)
    sent = 0
    for step in range(1, 9):
        bucket.left, bucket.after = step, step % 2 == 0
        bus.publish(an_event(f"e{sent + 1}", sequence=sent + 1))
        with channel_of(bus.amqp_url) as channel:
            channel.confirm_delivery()
            channel.basic_publish(topology.EXCHANGE, "strange", b"x")  # a second file
        sent += 1
        with suppress(Dies):
            archive(bus, bucket)
        assert all(span.last < 2 * sent for span in Archive(bucket).segments())
        report = verifying.verify(Archive(bucket))
        assert report.faults == []
    bucket.left = 0
    archive(bus, bucket)
    assert archived(bucket) == list(range(2 * sent))
    assert list(bucket.listed(PENDING)) == []
    assert faults(bucket) == []


def test_what_the_stream_deleted_before_is_listed(
    bus: Bus, bucket: Bucket, stack: dict[str, str]
) -> None:
    """By archiver, verification and reader: never silently."""
    bus.declare()
    send(bus, 1, 2)
    archive(bus, bucket)
    before = metrics.ARCHIVE_LOST._value.get()
    oldest = truncate(bus, stack)
    archive(bus, bucket)
    lost = Span(2, oldest - 1)
    assert Archive(bucket).lost() == [lost]
    assert [fault for fault in faults(bucket) if fault.kind != "sequence"] == [
        Fault("lost", f"offsets {lost}")
    ]
    assert metrics.ARCHIVE_LOST._value.get() == before + oldest - 2
    found = read(bus, bucket)
    assert found[:3] == [(0, "e1"), (1, "e2"), lost]
    assert spans_in(found) == [lost]
    assert read(bus, None)[0] == Span(0, oldest - 1)


def test_a_hole_is_filled_from_the_stream(
    bus: Bus, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged segment is found, a person removes it, and the archiver writes it again."""
    monkeypatch.setattr(segments, "MOST_MESSAGES", 2)
    bus.declare()
    send(bus, 1, 6)
    archive(bus, bucket)
    known = Archive(bucket)
    middle = Span(2, 3)
    (file,) = known.segment(middle).files
    whole = bucket.get(file.key)
    bucket.put(file.key, whole[:-1])
    kinds = {fault.kind for fault in faults(bucket)}
    assert kinds == {"damaged", "missing", "sequence"}
    assert list(known.messages(Span(2, 3))) == [middle]
    bucket.remove(layout.key_of(SEGMENTS, middle))
    assert {fault.kind for fault in faults(bucket)} == {"missing", "sequence", "stray"}
    archive(bus, bucket)
    assert faults(bucket) == []
    assert bucket.get(file.key) == whole


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (f"{0:020d}-{0:020d}.json", b"\xff no JSON"),
        (f"{0:020d}-{0:020d}.json", b'["segments/x.json"]'),
        ("strange", b"[]"),
    ],
)
def test_what_no_archiver_wrote_below_pending_stops_nobody(
    bus: Bus, bucket: Bucket, name: str, content: bytes
) -> None:
    """It is set aside and told: by the metric of the alert, and by the verification."""
    bus.declare()
    send(bus, 1, 1)
    bucket.prepare()
    bucket.put(f"{PENDING}{name}", content)
    before = metrics.ARCHIVE_FAILURES.labels("damaged")._value.get()
    verifying.verify(Archive(bucket))
    archive(bus, bucket)
    assert archived(bucket) == [0]
    assert metrics.ARCHIVE_FAILURES.labels("damaged")._value.get() == before + 1
    assert bucket.get(f"{SET_ASIDE}{name}") == content
    assert faults(bucket) == [Fault("stray", f"{SET_ASIDE}{name}")]
    archive(bus, bucket)
    assert metrics.ARCHIVE_FAILURES.labels("damaged")._value.get() == before + 1


def test_gaps_in_sequences_are_found(bus: Bus, bucket: Bucket) -> None:
    """An event that never was in the stream is missing, though no offset is."""
    bus.declare()
    send(bus, 1, 2)
    send(bus, 4, 4)
    send(bus, 2, 2)
    archive(bus, bucket)
    wanted = Fault("sequence", "/tandem/catalog, key run: sequences 3 to 3")
    assert faults(bucket) == [wanted]


def test_another_stream_is_not_mixed_in(bus: Bus, bucket: Bucket) -> None:
    """A history that began anew is refused, while it is shorter and when it is longer."""
    bus.declare()
    send(bus, 1, 3)
    archive(bus, bucket)
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(topology.HISTORY)
    bus.declare()
    before = [each.key for each in bucket.listed("")]
    for first, last in ((4, 5), (6, 9)):
        send(bus, first, last)
        with pytest.raises(OtherStream):
            archive(bus, bucket)
    assert [each.key for each in bucket.listed("")] == before


def test_the_lag_is_told(bus: Bus, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is away it grows; afterwards there is none."""
    bus.declare()
    send(bus, 1, 5)

    def away(*_: object) -> None:
        raise StoreAway("down")

    with monkeypatch.context() as patch:
        patch.setattr(Archiver, "_commit", away)
        with pytest.raises(StoreAway):
            archive(bus, bucket)
    assert metrics.ARCHIVE_LAG_EVENTS._value.get() == 5
    (sample,) = next(iter(metrics.ARCHIVE_LAG_SECONDS.collect())).samples
    assert sample.value > 0
    archive(bus, bucket)
    assert metrics.ARCHIVE_LAG_EVENTS._value.get() == 0


def test_who_lost_the_lease_adds_no_segment(bus: Bus, bucket: Bucket) -> None:
    """It learns so before each step; what it wrote before belongs to nothing, and is removed."""
    bus.declare()
    send(bus, 1, 1)
    checks = iter([None, None])  # for the message, and the file

    def check() -> None:
        if next(checks, LeaseLost) is LeaseLost:
            raise LeaseLost

    with pytest.raises(LeaseLost):
        Archiver(bus.amqp_url, bucket, MemoryKeys(), check).archive()
    assert [each.key.partition("/")[0] for each in bucket.listed("")] == ["events", "pending"]
    assert faults(bucket) == []
    archive(bus, bucket)
    assert archived(bucket) == [0]
