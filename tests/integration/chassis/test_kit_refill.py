"""The kit's refill from a real history and a real archive, and its doubles beside a real broker."""

import json
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pika
import pytest
from tandem_events import DeadLetter, Event, Gap, History, SqliteInbox, Subscriber, refill
from tandem_events.archive import Archive
from tandem_events.testing import MemoryBroker, MemorySubscriber, example, message_of

from chassis.archive.store import Bucket
from chassis.messaging import topology
from tests.integration.chassis.archives import archive
from tests.integration.chassis.bus import TYPE, Bus, channel_of, eventually

NAME, DEAD = "records", "records.dead"
PATTERNS = ["tandem.catalog.enrolment.#"]
EXTENDED = "tandem.catalog.due.extended.v1"
SOURCE = "/tandem/catalog"


@pytest.fixture
def sent(bus: Bus) -> Callable[..., None]:
    """Publishes events of the kit on a broker where Tandem's topology is declared."""
    bus.declare()

    def send(*events: Event) -> None:
        with channel_of(bus.amqp_url) as channel:
            channel.confirm_delivery()
            for event in events:
                publish(channel, event.type, *message_of(event))

    return send


def publish(channel: Any, key: str, headers: Any, body: bytes) -> None:
    """Publish a message."""
    properties = pika.BasicProperties(headers=headers, content_type="application/json")
    channel.basic_publish(topology.EXCHANGE, key, body, properties)


def events(first: int, last: int, key: str = "e") -> list[Event]:
    """Withdrawals of one enrolment."""
    return [example(TYPE, number, enrolmentId=key) for number in range(first, last + 1)]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SqliteInbox]:
    """An inbox with the first and the ninth event of a key, and the gap between them."""
    with closing(SqliteInbox(str(tmp_path / "inbox"))) as inbox:
        for event in (*events(1, 1), *events(9, 9)):
            inbox.handle(event, lambda *_: None)
        yield inbox


class Handled(list[int]):
    """The sequences of handled events."""

    def __call__(self, event: Event, _: sqlite3.Connection) -> None:
        self.append(event.sequence or 0)


def archive_of(stack: dict[str, str], bucket: Bucket) -> Archive:
    """The archive, as another system reads it."""
    keys = (stack["TANDEM_S3_ACCESS_KEY"], stack["TANDEM_S3_SECRET_KEY"])
    return Archive(stack["TANDEM_S3_ENDPOINT"], *keys, bucket.name)


def test_what_the_history_deleted_comes_from_the_archive(
    bus: Bus, bucket: Bucket, inbox: SqliteInbox, sent: Callable[..., None], stack: dict[str, str]
) -> None:
    """Each event once, in its order; what neither has is listed, and others are not touched."""
    due = example(EXTENDED, 4, enrolmentId="e")
    sent(*events(2, 3), due, *events(5, 5), *events(2, 4, "another"))
    with channel_of(bus.amqp_url) as channel:
        publish(channel, TYPE, {"cloudEvents_source": [SOURCE]}, b"\xff")
    archive(bus, bucket)
    with channel_of(bus.amqp_url) as channel:
        channel.queue_delete(topology.HISTORY)
    bus.declare()
    sent(*events(5, 5), *events(8, 8))
    handled = Handled()
    history, older = History(bus.amqp_url), archive_of(stack, bucket)
    result = refill(inbox, PATTERNS, [history, older], handled)
    assert handled == [5, 8, 2, 3]
    assert (result.handled, result.others, result.failed) == (4, 1, [])
    assert result.missing == inbox.gaps() == [Gap(SOURCE, "e", 6, 7)]


def test_only_what_the_archive_vouches_for_is_read(
    bus: Bus,
    bucket: Bucket,
    inbox: SqliteInbox,
    sent: Callable[..., None],
    stack: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No file of a segment that is not finished, and no file that is damaged: that one is told."""
    for number, disturb in ((2, unfinished), (3, damage), (4, forget), (5, lambda *_: None)):
        sent(*events(number, number))
        archive(bus, bucket)
        disturb(bucket, max(each.key for each in bucket.listed("segments/")))
    handled = Handled()
    with caplog.at_level(logging.WARNING, "tandem_events"):
        result = refill(inbox, PATTERNS, [archive_of(stack, bucket)], handled)
    assert handled == [5]
    assert result.missing == [Gap(SOURCE, "e", 2, 4), Gap(SOURCE, "e", 6, 8)]
    assert [each.message for each in caplog.records if "is damaged" in each.message] != []


def unfinished(bucket: Bucket, segment: str) -> None:
    """Leave the files of a segment that never was, as an archiver that died."""
    bucket.remove(segment)
    # the next archiver would write it again: its offsets are told to be lost
    bucket.put(segment.replace("segments/", "lost/"), b"{}")


def damage(bucket: Bucket, segment: str) -> None:
    """Change the last byte of its file."""
    [file] = json.loads(bucket.get(segment))["files"]
    bucket.put(file["key"], bucket.get(file["key"])[:-1] + b"x")


def forget(bucket: Bucket, segment: str) -> None:
    """Remove its file."""
    [file] = json.loads(bucket.get(segment))["files"]
    bucket.remove(file["key"])


@dataclass
class Seen:
    """What a handler saw."""

    handled: list[str] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    healed: bool = False

    def handle(self, event: Event, _: sqlite3.Connection) -> None:
        """Fail as the event's learner says."""
        order = event.data["learnerId"]
        self.tries[event.subject] += 1
        if order == "never":
            raise DeadLetter("nobody wants it")
        if order == "later" and not self.healed:
            raise LookupError("not known yet")
        if order == "once" and self.tries[event.subject] == 1:
            raise LookupError("not yet")
        self.handled.append(event.subject)


class Side(Protocol):
    """A broker with the subscription, real or in memory."""

    inbox: SqliteInbox

    def publish(self, *events: Event) -> None:
        """Publish events."""

    def publish_message(self, key: str, headers: Any, body: bytes) -> None:
        """Publish any message."""

    def work(self, seen: Seen, ends: int) -> None:
        """Handle until so many events were handled or are dead letters."""

    def dead_reasons(self) -> Sequence[str]:
        """Why the dead letters are dead."""

    def retry_dead(self) -> int:
        """Put them back."""


class Memory:
    """The double."""

    def __init__(self) -> None:
        self.inbox, self._broker = SqliteInbox(":memory:"), MemoryBroker()
        given = (NAME, PATTERNS, self.inbox, (1, 1))
        self._subscriber = MemorySubscriber(self._broker, *given)
        self._subscriber.declare()
        self.publish, self.publish_message = self._broker.publish, self._broker.publish_message
        self.dead_reasons = self._subscriber.dead_reasons
        self.retry_dead = self._subscriber.retry_dead

    def work(self, seen: Seen, ends: int) -> None:
        """Handle all there is."""
        self._subscriber.run(seen.handle)
        assert len(seen.handled) + len(self.dead_reasons()) == ends


class Real:
    """RabbitMQ."""

    def __init__(self, bus: Bus, folder: Path) -> None:
        self._bus, self._file = bus, str(folder / "seen")
        bus.declare()
        self.inbox = SqliteInbox(self._file)
        self._subscriber(self.inbox).declare()

    def publish(self, *events: Event) -> None:
        """Publish events as a relay does."""
        for event in events:
            self.publish_message(event.type, *message_of(event))

    def publish_message(self, key: str, headers: Any, body: bytes) -> None:
        """Publish any message."""
        with channel_of(self._bus.amqp_url) as channel:
            channel.confirm_delivery()
            publish(channel, key, headers, body)

    def work(self, seen: Seen, ends: int) -> None:
        """Handle in a thread until the end is reached."""
        made: list[Subscriber[Any]] = []

        def run() -> None:
            with closing(SqliteInbox(self._file)) as inbox:
                made.append(self._subscriber(inbox))
                made[0].run(seen.handle)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            eventually(f"{ends} ends", lambda: len(seen.handled) + self._bus.count(DEAD) == ends)
        finally:
            made[0].stop()
            thread.join(150)

    def dead_reasons(self) -> Sequence[str]:
        """Why the dead letters are dead."""
        count = self._bus.count(DEAD)
        with channel_of(self._bus.amqp_url) as channel:
            found = [channel.basic_get(DEAD)[1].headers for _ in range(count)]
        eventually("they are back", lambda: self._bus.count(DEAD) == count)
        return [headers["x-tandem-reason"] for headers in found]

    def retry_dead(self) -> int:
        """Put them back."""
        return self._subscriber(self.inbox).retry_dead()

    def _subscriber(self, inbox: SqliteInbox) -> Subscriber[Any]:
        return Subscriber(self._bus.amqp_url, NAME, PATTERNS, inbox, (1, 1))


@pytest.fixture(params=["memory", "broker"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    """Each of the two, with the subscription declared."""
    real = request.param == "broker"
    made: Side = Real(request.getfixturevalue("bus"), tmp_path) if real else Memory()
    with closing(made.inbox):
        yield made


def test_the_double_does_what_the_broker_does(side: Side) -> None:
    """The same events, with failures, repeats, strangers and other types: the same end."""
    orders = ["good", "once", "good", "never", "later", "good"]
    some = [
        example(TYPE, number, enrolmentId=f"e{number}", learnerId=order, runId="r")
        for number, order in enumerate(orders, 1)
    ]
    seen = Seen()
    side.publish(some[0], some[0], example(EXTENDED, enrolmentId="e1"), *some[1:], some[5])
    side.publish_message(TYPE, {"cloudEvents_id": 7}, b"[]")
    side.work(seen, 7)
    assert seen.handled == ["e1", "e3", "e6", "e2"]
    assert seen.tries == {"e1": 1, "e2": 2, "e3": 1, "e4": 1, "e5": 3, "e6": 1}
    reasons = sorted(side.dead_reasons())
    assert reasons[:2] == ["DeadLetter('nobody wants it')", "LookupError('not known yet')"]
    assert "cloudEvents_id is 7, and no text" in reasons[2]
    seen.healed = True
    assert side.retry_dead() == 3
    side.work(seen, 7)
    assert seen.handled[4:] == ["e5"]
    assert len(side.dead_reasons()) == 2
