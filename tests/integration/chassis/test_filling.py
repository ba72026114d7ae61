"""The history forgets in time, on a real broker with small segments."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice

import pika
import pytest

from chassis import ids
from chassis.archive.process import LeaseLost
from chassis.archive.store import Bucket
from chassis.messaging import filling, history, topology
from tests.integration.chassis.archives import archive, archived, faults, read, send, subject
from tests.integration.chassis.bus import Bus, channel_of, eventually
from tests.integration.chassis.test_history_bounds import first_offset, set_policy

SEGMENT = 200_000
DAY = timedelta(days=1)
# Fills a segment and begins the next one.
FULL = range(SEGMENT, SEGMENT + 2 * filling.SIZE)


def free() -> None:
    """A filler that may always go on."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of small segments."""
    small = {"x-stream-max-segment-size-bytes": SEGMENT}
    monkeypatch.setattr(topology, "HISTORY_ARGUMENTS", topology.HISTORY_ARGUMENTS | small)


def fill(bus: Bus, within: timedelta = DAY, check: Callable[[], None] = free) -> None:
    """One look of a filler."""
    filling.fill(bus.amqp_url, datetime.now(UTC) - within, SEGMENT, check)


def fillers(bus: Bus) -> list[history.Message]:
    """The fillers that the history has."""
    end = history.last_offset(bus.amqp_url)
    return [each for each in history.messages(bus.amqp_url, 0, end) if each.is_filler]


def size(bus: Bus) -> int:
    """The bytes of fillers."""
    return sum(len(each.body) for each in fillers(bus))


def publish(bus: Bus, *made: str) -> None:
    """Publish a message of half a segment with each of these ids."""
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for each in made:
            properties = pika.BasicProperties(headers={"cloudEvents_id": each})
            body = bytes(SEGMENT // 2)
            channel.basic_publish(topology.EXCHANGE, "tandem.any.v1", body, properties)


def subjects(bus: Bus) -> list[str]:
    """The events that a reader of the history gets."""
    return [subject(event) for _, event in history.read(bus.amqp_url, "first")]


def test_a_quiet_history_forgets_what_is_too_old(bus: Bus, stack: dict[str, str]) -> None:
    """Without fillers the one segment stays for ever; a reader in the middle goes on."""
    bus.declare()
    send(bus, 1, 3)
    reader = history.read(bus.amqp_url, 1, follow=True)
    assert [offset for offset, _ in islice(reader, 2)] == [1, 2]
    set_policy(stack, bus.amqp_url, {"max-age": "1s"})
    assert first_offset(bus) == 0

    def is_forgotten() -> bool:
        fill(bus, timedelta())
        return first_offset(bus) > 2

    eventually("a later beginning", is_forgotten)
    send(bus, 4, 4)
    assert subjects(bus) == ["e4"]
    assert subject(next(reader)[1]) == "e4"
    assert [subject(event) for _, event in history.read(bus.amqp_url, 0)] == ["e4"]


def test_nothing_younger_is_lost(bus: Bus, bucket: Bucket) -> None:
    """New segments begin, and every event stays: in the stream, and once in the archive."""
    bus.declare()
    for number in range(1, 5):
        send(bus, number, number)
        fill(bus, timedelta())
    assert subjects(bus) == ["e1", "e2", "e3", "e4"]
    archive(bus, bucket)
    assert faults(bucket) == []
    known = {each.offset for each in fillers(bus)}
    assert known < set(archived(bucket))
    assert [each[1] for each in read(bus, bucket)] == ["e1", "e2", "e3", "e4"]


def test_a_filler_adds_what_is_missing(bus: Bus) -> None:
    """Published bytes count if it is known when; a second look and a second filler add nothing."""
    bus.declare()
    publish(bus, ids.new_id(), "no id")
    fill(bus)
    assert size(bus) + SEGMENT // 2 in FULL
    before = size(bus)
    fill(bus)
    fill(bus)
    assert size(bus) == before
    fill(bus, timedelta())  # the span of which it asks has nothing
    assert size(bus) - before in FULL


def test_a_busy_history_gets_no_fillers(bus: Bus) -> None:
    """What is published anyway begins new segments."""
    bus.declare()
    publish(bus, *(ids.new_id() for _ in range(4)))
    fill(bus)
    assert fillers(bus) == []


def test_a_filler_that_loses_its_lease_is_continued(bus: Bus) -> None:
    """It stops before the next message; another adds the rest, and not all again."""
    bus.declare()
    send(bus, 1, 1)
    asked = iter(range(2))

    def loses() -> None:
        if next(asked, None) is None:
            raise LeaseLost

    with suppress(LeaseLost):
        fill(bus, check=loses)
    assert len(fillers(bus)) == 2
    fill(bus)
    assert size(bus) in FULL


def test_the_age_of_the_oldest_is_reported(bus: Bus) -> None:
    """That of the first event, also behind a stranger's message, which does not say its own."""
    bus.declare()
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        channel.basic_publish(topology.EXCHANGE, "strange", b"")
    (event,) = send(bus, 1, 1)
    assert filling.oldest(bus.amqp_url) == ids.made_at(event.id)


def test_a_young_history_gets_no_fillers(bus: Bus) -> None:
    """Its only segment is not too long yet; a day later it is."""
    bus.declare()
    send(bus, 1, 1)
    young = filling.Filler(bus.amqp_url, timedelta(), free, SEGMENT)
    young.fill()
    assert fillers(bus) == []
    publish(bus, uuid7_of(datetime.now(UTC) - DAY))
    old = filling.Filler(bus.amqp_url, timedelta(), free, SEGMENT)
    old.fill()
    assert size(bus) in FULL


def uuid7_of(moment: datetime) -> str:
    """An id that was made then."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62))


def test_a_filler_rests_between_its_looks(bus: Bus) -> None:
    """A round that is tried again, for another reason, does not read the history again."""
    bus.declare()
    send(bus, 1, 1)
    looks = filling.Filler(bus.amqp_url, DAY, free, SEGMENT)
    looks.fill()
    before = size(bus)
    assert before in FULL
    looks.fill()
    assert size(bus) == before


def test_an_existing_history_keeps_its_arguments(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that an earlier version declared is bound, and its age is no error."""
    earlier = topology.HISTORY_ARGUMENTS | {"x-max-age": "30D"}
    with monkeypatch.context() as patch:
        patch.setattr(topology, "HISTORY_ARGUMENTS", earlier)
        bus.declare()
    bus.declare()
    send(bus, 1, 1)
    assert subjects(bus) == ["e1"]
