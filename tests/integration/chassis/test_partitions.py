"""Subscriptions whose events are spread over several queues by their partition key."""

import itertools
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker

from chassis.contracts.events import Event
from chassis.messaging import deadletters, partitions, topology
from tests.deep import only_deep
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE, subscription

DEAD = topology.dead(QUEUE)


@pytest.fixture(autouse=True)
def _partitioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's subscription is partitioned, here and in its processes; nothing is slow."""
    monkeypatch.setenv("PARTITIONED", "1")
    monkeypatch.setattr(topology, "DRAIN_WAIT", 0.0)


def some_events(keys: int, of_each: int) -> Iterator[Event[Any]]:
    """Events of some aggregates, each with its sequence."""
    for sequence, key in itertools.product(range(1, of_each + 1), range(keys)):
        yield an_event(f"e-{key}-{sequence}", run=f"run-{key}", sequence=sequence)


def keys_in(bus: Bus, queue: str) -> list[str]:
    """The partition keys of what a queue has, which is taken off."""
    found = bus.messages(queue, bus.count(queue))
    return [properties.headers["cloudEvents_partitionkey"] for _, properties, _ in found]


def there(bus: Bus) -> list[str]:
    """Which queues with events the subscription has."""
    with channel_of(bus.amqp_url) as channel:
        return list(partitions.ready(channel.connection, subscription()))


def declared(bus: Bus, count: int) -> bool:
    """Declare so many partitions; whether no more are left by that."""
    bus.declare(count)
    return len(there(bus)) == 1 + count


def in_all(bus: Bus) -> int:
    """How many events are ready in all queues of the subscription."""
    with channel_of(bus.amqp_url) as channel:
        return sum(partitions.ready(channel.connection, subscription()).values())


def test_all_events_of_a_key_are_in_one_queue(bus: Bus) -> None:
    """Each aggregate has its partition; none of its events is in the plain queue."""
    bus.declare(4)
    bus.publish(*some_events(keys=100, of_each=3))
    assert bus.count(QUEUE) == 0
    keys = [keys_in(bus, queue) for queue in partitions.names(QUEUE, 4)]
    assert sum(map(len, keys)) == 300
    assert all(keys)
    assert sum(len(set(each)) for each in keys) == 100


@only_deep
def test_what_was_bound_before_is_drained(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with events in its plain queue changes to partitions, and loses none."""
    monkeypatch.delenv("PARTITIONED")
    bus.declare()
    before = [an_event(f"before-{number}") for number in range(100)]
    bus.publish(*before)
    monkeypatch.setenv("PARTITIONED", "1")
    bus.declare(4)
    bus.publish(*some_events(keys=50, of_each=2))
    assert bus.count(QUEUE) == 100
    with bus.running("worker", TANDEM_PARTITIONS="4"):
        eventually("all effects", lambda: len(bus.effects()) == 200)
    assert set(bus.effects().values()) == {1}


def test_fewer_partitions_leave_no_event_behind(bus: Bus) -> None:
    """A partition too many gets no more events, and is removed once it is drained, not before."""
    bus.declare(4)
    bus.publish(*some_events(keys=100, of_each=1))
    bus.declare(2)
    assert there(bus) == [QUEUE, *partitions.names(QUEUE, 4)]
    counts = [bus.count(queue) for queue in partitions.names(QUEUE, 4)[2:]]
    bus.publish(*some_events(keys=100, of_each=2))
    assert [bus.count(queue) for queue in partitions.names(QUEUE, 4)[2:]] == counts
    for queue in partitions.names(QUEUE, 4)[2:]:
        keys_in(bus, queue)
    # The broker notes in its own time that the queues are empty, and that nobody consumes them.
    eventually("the others to go", partial(declared, bus, 2))
    assert there(bus) == [QUEUE, *partitions.names(QUEUE, 2)]


def test_a_partition_that_someone_consumes_is_not_removed(bus: Bus) -> None:
    """Its consumer may have unfinished messages of it."""
    bus.declare(3)
    with channel_of(bus.amqp_url) as channel:
        channel.basic_consume(partitions.name(QUEUE, 1), lambda *_: None)
        bus.declare(1)
        assert there(bus) == [QUEUE, *partitions.names(QUEUE, 2)]
    eventually("it to go", partial(declared, bus, 1))
    assert there(bus) == [QUEUE, *partitions.names(QUEUE, 1)]


@only_deep
def test_dead_letters_are_the_subscriptions(bus: Bus) -> None:
    """Dead letters of all partitions form one list; a replay sends them to the plain queue."""
    bus.declare(3)
    bus.publish(*(an_event(f"e{number}", "drop", run=f"r{number}") for number in range(30)))
    with bus.running("worker", TANDEM_PARTITIONS="3") as worker:
        eventually("the dead letters", lambda: bus.count(DEAD) == 30)
        worker.terminate()
        assert worker.wait(120) == 0
    assert len(deadletters.show(bus.amqp_url, QUEUE)) == 30
    assert deadletters.replay(bus.amqp_url, QUEUE) == 30
    eventually("them to be back", lambda: bus.count(QUEUE) == 30)
    bus.let_know("drop")
    with bus.running("worker", TANDEM_PARTITIONS="3"):
        eventually("the effects", lambda: len(bus.effects()) == 30)


@only_deep
def test_what_waits_comes_back_by_the_plain_queue(bus: Bus) -> None:
    """While an event is in a delay its partition may go."""
    bus.declare(3)
    bus.publish(*(an_event(f"e{number}", "wait-for-ada", run=f"r{number}") for number in range(30)))
    with bus.running("worker", TANDEM_PARTITIONS="3") as worker:
        # The later one first: what goes from one to the other meanwhile is not counted twice.
        late = ("tandem.delay.60s", "tandem.delay.10s")
        eventually("all in a delay", lambda: sum(map(bus.count, late)) == 30)
        worker.terminate()
        assert worker.wait(120) == 0
    eventually("the others to go", partial(declared, bus, 1))
    bus.let_know("ada")
    with bus.running("worker", TANDEM_PARTITIONS="1"):
        eventually("the effects", lambda: len(bus.effects()) == 30)
    assert set(bus.effects().values()) == {1}


def test_a_worker_declares_nothing(bus: Bus) -> None:
    """It waits until everything is there that it needs, says so, and works then."""
    with bus.running("worker") as worker:
        eventually("its database", lambda: bus.database.client.list_database_names())
        assert worker.poll() is None
        with channel_of(bus.amqp_url) as channel, pytest.raises(ChannelClosedByBroker):
            channel.queue_declare(QUEUE, passive=True)
        bus.declare(2)
        bus.publish(*some_events(keys=10, of_each=2))
        eventually("the effects", lambda: len(bus.effects()) == 20)


def _groups(events: Iterator[Event[Any]], size: int) -> Iterator[list[Event[Any]]]:
    while some := list(itertools.islice(events, size)):
        yield some


class Publisher:
    """Publishes events of 40 aggregates, one after the other, until it is stopped.

    It waits for the workers: no more than `AHEAD` events have not had their effect. So a slow
    machine makes the test longer, not the backlog.
    """

    AHEAD = 400

    def __init__(self, bus: Bus) -> None:
        self.published: list[Event[Any]] = []
        self._bus = bus
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def __enter__(self) -> "Publisher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _publish(self) -> None:
        for some in _groups(some_events(keys=40, of_each=10_000), 20):
            self._bus.publish(*some)
            self.published += some
            while not self._stopped.wait(0.5) and self._is_ahead():
                pass
            if self._stopped.is_set():
                return

    def _is_ahead(self) -> bool:
        return len(self.published) - had_effect(self._bus) > self.AHEAD

    def goes_on(self) -> None:
        """Return when every aggregate had some more events."""
        least = len(self.published) + 100
        eventually("more events", lambda: len(self.published) >= least)

    def newest(self) -> dict[str, str]:
        """The last event of each aggregate."""
        return {each.partition_key: each.data.enrolment_id for each in self.published}


def newest(bus: Bus) -> dict[str, str]:
    """The workers' newest event of each aggregate."""
    return {row["_id"]: row["told"] for row in bus.database.mongo["newest"].find()}


def had_effect(bus: Bus) -> int:
    """How many events have had their effect."""
    return bus.database.mongo["effects"].count_documents({})


def all_have_effect(bus: Bus, published: int) -> None:
    """Wait while effects arrive. If none arrives for long, the missing ones are lost."""
    while (before := had_effect(bus)) < published:
        eventually(f"more than {before} of {published}", lambda: had_effect(bus) > before)


def leases(bus: Bus) -> list[dict[str, Any]]:
    """Which worker has which of the subscription's queues."""
    return list(bus.database.mongo["leases"].find({"_id": {"$regex": "^queues:"}}))


def shared(bus: Bus, count: int) -> bool:
    """Whether workers consume every partition and the plain queue."""
    return len(leases(bus)) == 1 + count


@only_deep
def test_their_number_changes_while_events_come_and_workers_die(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 4 to 8 to 3, with a worker killed: each event has one effect, and the last one stays."""
    monkeypatch.setattr(topology, "DRAIN_WAIT", 2.0)  # events are on their way here
    bus.declare(4)
    with (
        bus.running("worker", TANDEM_PARTITIONS="4") as one,
        bus.running("worker", TANDEM_PARTITIONS="4") as other,
    ):
        with Publisher(bus) as publisher:
            eventually("4 to be shared", partial(shared, bus, 4))
            bus.declare(8)
            eventually("8 to be shared", partial(shared, bus, 8))
            all_have_effect(bus, len(publisher.published))
            other.send_signal(signal.SIGKILL)
            bus.declare(3)
            publisher.goes_on()
        published = [each.data.enrolment_id for each in publisher.published]
        with bus.running("worker", TANDEM_PARTITIONS="3"):
            all_have_effect(bus, len(published))
            one.terminate()
            assert one.wait(120) == 0
            eventually("the partitions too many to go", partial(declared, bus, 3))
    assert bus.effects() == dict.fromkeys(published, 1)
    assert newest(bus) == publisher.newest()
    assert bus.count(DEAD) == 0


@only_deep
def test_workers_share_partitions(bus: Bus) -> None:
    """A worker that comes gets its share; when it leaves, the other has all again."""
    bus.declare(5)

    def held() -> list[int]:
        return sorted(Counter(row["holder"] for row in leases(bus)).values())

    with bus.running("worker", TANDEM_PARTITIONS="5"):
        eventually("all to be the first's", lambda: held() == [6])
        with bus.running("worker", TANDEM_PARTITIONS="5") as second:
            eventually("halves", lambda: held() == [3, 3])
            bus.publish(*some_events(keys=60, of_each=3))
            eventually("the effects", lambda: len(bus.effects()) == 180)
            second.terminate()
            assert second.wait(120) == 0
        eventually("all to be the first's", lambda: held() == [6])
