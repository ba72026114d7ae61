"""The relay on a real outbox and a real broker."""

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from chassis import ids
from chassis.contracts import events
from chassis.data.numbering import LANES, lane_of
from chassis.messaging import outbox, topology
from chassis.messaging.outbox import Outbox
from chassis.messaging.relay import Relay
from chassis.testing import figure
from tests.deep import ONLY_DEEP
from tests.integration.chassis.bus import (
    TYPE,
    Bus,
    Message,
    channel_of,
    eventually,
    listen,
    through,
)
from tests.integration.chassis.proxy import Proxy

OTHER_TYPE = "tandem.catalog.enrolment.created.v1"


def relay_while(bus: Bus, holds: Callable[[], Any], first: Callable[[], Any] = bool) -> None:
    """Run a relay until something holds; `first` is done once it is connected."""

    async def run() -> None:
        relay = Relay(bus.settings, "catalog")
        running = asyncio.create_task(relay.run())
        try:
            await asyncio.to_thread(
                eventually,
                "a relay with lanes",
                lambda: relay.held().held and relay.ready()["rabbitmq"],
            )
            await asyncio.to_thread(first)
            await asyncio.to_thread(eventually, "what the relay is to do", holds)
        finally:
            relay.stop()
            await running

    asyncio.run(run())


def sequences(messages: Sequence[Message]) -> dict[str, list[int]]:
    """Each aggregate's sequence numbers in the order of their coming."""
    found = defaultdict(list)
    for _, properties, _ in messages:
        headers = properties.headers
        found[headers["cloudEvents_partitionkey"]].append(int(headers["cloudEvents_sequence"]))
    return found


def row(
    key: str,
    sequence: int,
    kind: str = TYPE,
    made: str | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """An outbox row as the store writes it, where `after` is given (empty: the first of its
    aggregate); else as an older version did. `made`: an id by another process's clock.
    """
    headers = {
        f"{events.PREFIX}partitionkey": key,
        f"{events.PREFIX}sequence": f"{sequence:020d}",
    }
    event_id = made or ids.new_id()
    return {
        "_id": event_id,
        "key": key,
        "sequence": sequence,
        "type": kind,
        "headers": headers,
        "body": b"{}",
        **({} if after is None else {"lane": lane_of(key), "after": after}),
    }


def chain(key: str, count: int, first: int = 1, after: str = "") -> list[dict[str, Any]]:
    """Rows of one aggregate, each after the other, as the store writes them."""
    rows: list[dict[str, Any]] = []
    for sequence in range(first, first + count):
        rows.append(row(key, sequence, after=rows[-1]["_id"] if rows else after))
    return rows


def test_what_is_committed_arrives_and_leaves_the_outbox(bus: Bus) -> None:
    """A committed event reaches a stranger's queue as a CloudEvent, persistent, once."""
    listen(bus.amqp_url, "stranger")
    bus.commit("run", ["e1"])
    published = partial(figure, "tandem_relay_published_total", service="catalog", type=TYPE)
    before = published()
    relay_while(bus, lambda: bus.waiting() == 0)
    assert published() == before + 1
    [(method, properties, body)] = bus.messages("stranger", 1)
    event = events.read(properties.headers, body)
    assert (event.type, event.subject, event.sequence) == (TYPE, "e1", 1)
    assert method.routing_key == properties.type == TYPE
    assert (properties.delivery_mode, properties.content_type) == (2, "application/json")
    assert (properties.message_id, properties.timestamp) == (event.id, int(ids.made_at(event.id)))


def test_more_than_a_window_arrives_in_each_aggregates_order(bus: Bus) -> None:
    """Thousands of events by processes whose clocks disagree come once, by their sequence."""
    listen(bus.amqp_url, "stranger")
    made = [ids.new_id() for _ in range(6_000)]
    rows = [
        # A long aggregate whose later events bear the earlier ids, and many short ones.
        *(row("long", number + 1, made=made[2_999 - number]) for number in range(3_000)),
        *(row(f"k{n % 700}", n // 700 + 1, made=made[3_000 + n]) for n in range(3_000)),
    ]
    bus.database.mongo["outbox"].insert_many(rows)
    relay_while(bus, lambda: bus.waiting() == 0)
    found = sequences(bus.messages("stranger", 6_000))
    assert found.pop("long") == list(range(1, 3_001))
    assert sum(map(len, found.values())) == 3_000
    assert all(each == list(range(1, len(each) + 1)) for each in found.values())


def test_what_is_committed_while_it_runs_is_published_too(bus: Bus) -> None:
    """An idle relay is woken by every commit."""
    listen(bus.amqp_url, "stranger")

    def commit() -> None:
        for number in range(20):
            bus.commit(f"run-{number % 3}", [f"e{number}"])
            eventually("its publication", lambda: bus.waiting() == 0)

    relay_while(bus, lambda: bus.waiting() == 0, commit)
    assert sum(map(len, sequences(bus.messages("stranger", 20)).values())) == 20


def test_what_was_published_and_not_removed_is_published_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between publication and removal repeats events in order, and loses none."""
    listen(bus.amqp_url, "stranger")
    bus.commit("run", ["e1"] * 50)
    settle, crashes = Outbox.settle, iter([AutoReconnect("gone")])

    async def crash_once(self: Outbox, outcome: Any) -> None:
        if outcome and (error := next(crashes, None)):
            raise error
        await settle(self, outcome)

    monkeypatch.setattr(Outbox, "settle", crash_once)
    relay_while(bus, lambda: bus.waiting() == 0)
    found = sequences(bus.messages("stranger", 51))["e1"]
    assert list(dict.fromkeys(found)) == list(range(1, 51))


def test_what_no_queue_takes_is_parked_and_its_aggregate_waits(bus: Bus) -> None:
    """A returned event is parked and counted; its aggregate's later ones wait; others go on."""
    listen(bus.amqp_url, "stranger", TYPE)
    returned = partial(figure, "tandem_relay_returned_total", service="catalog")
    before = returned()

    def strand() -> None:
        with channel_of(bus.amqp_url) as channel:
            channel.queue_unbind(topology.HISTORY, topology.EXCHANGE, "#")
        stranded = [row("run-1", 1, OTHER_TYPE), row("run-1", 2), row("run-1", 3)]
        bus.database.mongo["outbox"].insert_many([*stranded, row("run-2", 1), row("run-2", 2)])

    relay_while(bus, lambda: outbox.state(bus.database.mongo)[:2] == (3, 1), strand)
    assert sequences(bus.messages("stranger", 2)) == {"run-2": [1, 2]}
    left = bus.database.mongo["outbox"].find().sort("sequence")
    assert [(each["sequence"], "parked_at" in each) for each in left] == [
        (1, True),
        (2, False),
        (3, False),
    ]
    assert returned() == before + 1

    [shown] = outbox.parked(bus.database.mongo, 10)
    assert (shown.type, shown.key, shown.sequence) == (OTHER_TYPE, "run-1", 1)
    assert shown.waiting_behind == 2
    waiting, parked, since = outbox.state(bus.database.mongo)
    assert (waiting, parked) == (3, 1)
    assert since

    listen(bus.amqp_url, "stranger", OTHER_TYPE)
    assert outbox.release(bus.database.mongo) == 1
    relay_while(bus, lambda: bus.waiting() == 0)
    assert sequences(bus.messages("stranger", 3)) == {"run-1": [1, 2, 3]}


def test_a_broker_that_goes_away_is_waited_for(bus: Bus) -> None:
    """A connection that is cut under load costs repeats at most, and no order."""
    listen(bus.amqp_url, "stranger")
    proxy = Proxy(bus.amqp_url)
    proxy.open()

    def cut() -> None:
        bus.commit("run", ["e1"] * 2_000)
        eventually("the first removals", lambda: bus.waiting() < 2_000)
        proxy.cut()
        bus.commit("run", ["e1"])
        proxy.open()

    relay_while(bus.through(amqp=proxy), lambda: bus.waiting() == 0, cut)
    proxy.cut()
    found = sequences(bus.messages("stranger", 2_001))["e1"]
    assert list(dict.fromkeys(found)) == list(range(1, 2_002))


def test_a_broker_that_refuses_us_is_asked_again(bus: Bus) -> None:
    """Something else by one of our names is a state to wait out, without leaving connections."""
    with channel_of(bus.amqp_url) as channel:
        channel.exchange_declare(topology.EXCHANGE, "fanout", durable=True)
    bus.commit("run", ["e1"])

    async def run() -> int:
        relay = Relay(bus.settings, "catalog")
        running = asyncio.create_task(relay.run())
        seen: set[Any] = set()
        while len(seen) < 3:
            seen.add(relay._publisher)
            await asyncio.sleep(0.05)
        open_ones = [each for each in seen if each and not each._connection.is_closed]
        relay.stop()
        await running
        return len(open_ones)

    assert asyncio.run(run()) <= 1
    assert bus.waiting() == 1


def test_mongodb_that_goes_away_is_waited_for(bus: Bus) -> None:
    """A relay that lost its database continues when the database is back."""
    listen(bus.amqp_url, "stranger")
    proxy = Proxy(bus.mongo_url)
    proxy.open()

    def cut() -> None:
        proxy.cut()
        bus.commit("run", ["e1"])
        proxy.open()

    relay_while(bus.through(mongo=proxy), lambda: bus.waiting() == 0, cut)
    proxy.cut()
    assert sequences(bus.messages("stranger", 1)) == {"e1": [1]}


def holders(bus: Bus) -> dict[int, int]:
    """The number of lanes that each relay holds, by process id."""
    rows = bus.database.mongo["leases"].find({"_id": {"$regex": "^relay:"}})
    return Counter(int(each["holder"].split(":")[1]) for each in rows)


@pytest.mark.parametrize("end", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=ONLY_DEEP)])
def test_two_relays_share_the_lanes_and_one_takes_over(bus: Bus, end: signal.Signals) -> None:
    """Each of two relays holds half; when one is killed or stopped, the other has all."""
    listen(bus.amqp_url, "stranger")
    enrolments = [f"e{number}" for number in range(40)]
    with bus.running("relay") as one, bus.running("relay") as two:
        half = {one.pid: LANES // 2, two.pid: LANES // 2}
        eventually("a half for each", lambda: holders(bus) == half)
        for each in enrolments:
            bus.commit("run", [each])
        eventually("the first events", lambda: bus.waiting() == 0)
        one.send_signal(end)
        assert one.wait(120) == (0 if end is signal.SIGTERM else -end)
        for each in enrolments:
            bus.commit("run", [each])
        eventually("the second events", lambda: bus.waiting() == 0)
        eventually("all lanes", lambda: holders(bus) == {two.pid: LANES})
        two.terminate()
        assert two.wait(120) == 0
    assert not holders(bus)
    found = sequences(bus.messages("stranger", 80))
    assert {key: [*dict.fromkeys(each)] for key, each in found.items()} == {
        each: [1, 2] for each in enrolments
    }


def test_a_relay_stops_while_the_broker_is_away(bus: Bus) -> None:
    """SIGTERM ends a relay that never reached a broker; the event stays."""
    bus.commit("run", ["e1"])
    nowhere = Proxy(bus.amqp_url)
    with bus.running("relay", TANDEM_AMQP_URL=through(nowhere, bus.amqp_url)) as relay:
        eventually("its lanes", lambda: holders(bus))
        relay.terminate()
        assert relay.wait(120) == 0
    assert bus.waiting() == 1


def test_the_depth_is_right_after_mongodb_was_killed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB's own number of rows, which a crash leaves wrong, is not believed for a few rows."""
    monkeypatch.setattr(Collection, "estimated_document_count", lambda _: 8)
    assert outbox.state(bus.database.mongo)[0] == 0
    bus.database.mongo["outbox"].insert_one(row("run-1", 1))
    assert outbox.state(bus.database.mongo)[0] == 1
