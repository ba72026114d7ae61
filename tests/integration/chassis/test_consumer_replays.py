"""Replays into the queue of one consumer, on a real broker and a real archive."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import pytest

from campus.consumers import replay as module
from campus.consumers.accounts import Limits, Names
from campus.consumers.errors import Busy, QueueRemoved, UnfinishedReplay
from campus.consumers.locks import locked
from campus.consumers.replay import REPLAY, ROOM, replay, state_of
from campus.consumers.replay_state import State
from chassis.archive.archive import Archive
from chassis.archive.layout import SEGMENTS, Span, key_of
from chassis.archive.store import Bucket
from chassis.contracts import events
from chassis.messaging import topology
from chassis.messaging.history import FILLER
from tests.integration.chassis.archives import archive
from tests.integration.chassis.bus import (
    TYPE,
    Bus,
    an_event,
    channel_of,
    eventually,
    nothing_to_read,
)
from tests.integration.chassis.bus_service import QUEUE
from tests.integration.chassis.desk import TYPES, Desk, Killed
from tests.integration.chassis.test_replay import made_at

HOUR = timedelta(hours=1)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def everything() -> State:
    """A replay of all that there is."""
    return State(SINCE, datetime.now(UTC) + HOUR)


def run(desk: Desk, names: Names, wanted: State, **more: Any) -> State:
    """Send what is in the history."""
    return replay(desk.bus.amqp_url, None, names, TYPES, wanted, **more)


def empty(desk: Desk, names: Names, count: int) -> list[str]:
    """Take what came live off the queue."""
    return desk.subjects(names.queue, count)


def test_a_consumer_gets_its_types_of_a_span_again_whole_and_in_order(desk: Desk) -> None:
    """As they were published, with a mark; nobody else gets anything, and a repeat is the same."""
    names, other = desk.add(), desk.add()
    sent = [an_event(f"e{number}", sequence=number + 1) for number in range(20)]
    desk.bus.publish(*sent)
    with channel_of(desk.bus.amqp_url) as channel:
        channel.basic_publish(topology.EXCHANGE, "tandem.catalog.person.upserted.v1", b"{}")
        odd = pika.BasicProperties(headers={"cloudEvents_type": TYPE, "cloudEvents_id": 7})
        channel.basic_publish(topology.EXCHANGE, "tandem.odd", b"\xff", odd)
        filler = pika.BasicProperties(headers={FILLER: True})
        channel.basic_publish("", topology.HISTORY, b"", filler)
    live = desk.bus.messages(names.queue, 20)
    desk.bus.messages(other.queue, 20)
    desk.bus.messages(QUEUE, 20)
    span = State(made_at(sent[0]), datetime.now(UTC) + HOUR)
    done = run(desk, names, span)
    assert (done.sent, done.unreadable, done.missing, done.done) == (20, 2, (), True)
    for (_, was, body), (method, now, again) in zip(
        live, desk.bus.messages(names.queue, 20), strict=True
    ):
        assert now.headers == {**was.headers, REPLAY: span.since.isoformat()}
        assert (again, method.exchange, now.type) == (body, "", TYPE)
    assert desk.bus.count(other.queue) == desk.bus.count(QUEUE) == 0
    assert run(desk, names, span).sent == 20
    assert desk.subjects(names.queue, 20) == [event.subject for event in sent]


def test_the_archive_has_what_the_history_lost_and_the_rest_is_told(
    desk: Desk, bucket: Bucket
) -> None:
    """The replay goes over from one to the other, and lists the offsets that neither has."""
    names = desk.add()
    for first in (0, 3, 6):
        desk.bus.publish(*(an_event(f"e{first + each}", sequence=each + 1) for each in range(3)))
        archive(desk.bus, bucket)
    empty(desk, names, 9)
    with channel_of(desk.bus.amqp_url) as channel:
        channel.queue_delete(topology.HISTORY)
    desk.bus.declare()
    bucket.remove(key_of(SEGMENTS, Span(3, 5)))
    with nothing_to_read():  # of the stream
        done = replay(desk.bus.amqp_url, Archive(bucket), names, TYPES, everything())
    assert done.missing == (Span(3, 5),)
    assert desk.subjects(names.queue, 6) == ["e0", "e1", "e2", "e6", "e7", "e8"]


def test_a_replay_that_ends_anywhere_goes_on_without_loss(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends the batch at which it ended once more, and nothing before it."""
    names, count, batch = desk.add(), 6, 2
    monkeypatch.setattr(module, "BATCH", batch)
    desk.bus.publish(*(an_event(f"e{number}", sequence=number + 1) for number in range(count)))
    subjects = empty(desk, names, count)
    publish = module._Job._publish
    for stop in range(1, 10):
        left = stop

        def dying(job: Any, *message: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            publish(job, *message)

        monkeypatch.setattr(module._Job, "_publish", dying)
        with pytest.raises(Killed):
            run(desk, names, everything(), anew=True)
        monkeypatch.setattr(module._Job, "_publish", publish)
        done = run(desk, names, State(SINCE, datetime.now(UTC), is_bounded=False))
        assert done.done
        found = desk.subjects(names.queue, count)
        assert list(dict.fromkeys(found)) == subjects, stop
        assert len(found) <= count + batch, stop


def test_large_events_make_small_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker keeps a batch until its end, so the bytes of one are bounded, too."""
    names = desk.add()
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    desk.bus.publish(*(an_event(f"e{number}", sequence=number + 1) for number in range(3)))
    subjects = empty(desk, names, 3)
    states: list[State] = []
    run(desk, names, everything(), said=states.append)
    assert [each.sent for each in states] == [0, 1, 2, 3]
    assert desk.subjects(names.queue, 3) == subjects


def commit(bus: Bus, subjects: Collection[str]) -> None:
    """Publish many events at once."""
    with channel_of(bus.amqp_url) as channel:
        for subject in subjects:
            event = an_event(subject)
            properties = pika.BasicProperties(headers=events.headers_of(event), delivery_mode=2)
            body = events.body_of(event.data)
            channel.basic_publish(topology.EXCHANGE, event.type, body, properties)


def is_free(desk: Desk, lock: str) -> bool:
    """Whether no command holds a lock."""
    try:
        with locked(desk.bus.amqp_url, lock):
            return True
    except Busy:
        return False


def test_a_command_that_is_killed_goes_on_and_never_overfills_the_queue(
    desk: Desk, stack: dict[str, str]
) -> None:
    """It waits while the consumer has enough to do; killed then, the same command ends it."""
    names = desk.add(limits=Limits())
    wanted = [f"e{number}" for number in range(ROOM + 300)]
    commit(desk.bus, wanted)
    empty(desk, names, len(wanted))
    command = [sys.executable, "-c", "from campus.cli import main; main()", "consumers", "replay"]
    command += [names.name, "--since", "2020-01-01", "--json"]
    environment = {**os.environ, **stack, "TANDEM_AMQP_URL": desk.bus.amqp_url}
    with subprocess.Popen(command, env=environment) as process:
        eventually("a full queue", lambda: desk.bus.count(names.queue) >= ROOM)
        assert process.poll() is None
        process.kill()
    state = state_of(desk.bus.amqp_url, names)
    assert state
    assert not state.done
    eventually("the end of its connection", lambda: is_free(desk, f"{names.replay}.lock"))
    again = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    found: list[str] = []
    with again, channel_of(desk.bus.amqp_url) as channel:
        for method, properties, _ in channel.consume(
            names.queue, auto_ack=True, inactivity_timeout=0.2
        ):
            if method is not None:
                found.append(properties.headers["cloudEvents_subject"])
            elif again.poll() is not None:
                break
        assert again.stdout
        done = json.loads(again.stdout.read())
    assert again.returncode == 0
    assert list(dict.fromkeys(found)) == wanted
    assert len(found) <= len(wanted) + module.BATCH
    assert done["done"]


def test_a_replay_of_another_span_does_not_replace_an_unfinished_one(desk: Desk) -> None:
    """It is refused, unless it is to begin anew; a second one of the consumer waits for none."""
    names = desk.add()
    desk.bus.publish(an_event("e1"))
    with pytest.raises(Killed):
        run(desk, names, everything(), said=die)
    other = State(SINCE + HOUR, datetime.now(UTC) + HOUR)
    with pytest.raises(UnfinishedReplay, match="2020-01-01T00:00:00"):
        run(desk, names, other)
    with locked(desk.bus.amqp_url, f"{names.replay}.lock"), pytest.raises(Busy):
        run(desk, names, other, anew=True)
    assert run(desk, names, other, anew=True).since == other.since


def die(_: State) -> None:
    """End the process."""
    raise Killed


def test_a_replay_ends_when_its_consumer_is_removed(desk: Desk) -> None:
    """It says so, and nothing of the consumer comes back."""
    names = desk.add()
    desk.bus.publish(an_event("e1"))
    with pytest.raises(QueueRemoved):
        run(
            desk,
            names,
            everything(),
            said=lambda _: desk.consumers.remove(names.name, keeps_queues=False),
        )
    assert desk.rest(names) == []
