"""How a relay wakes, how it loses its connection, and how it ends, on real servers."""

import asyncio
import signal
from typing import Any
from urllib.parse import quote

import pytest
from pymongo import AsyncMongoClient

from chassis.messaging import relay_session
from chassis.messaging.outbox import Outbox
from chassis.messaging.unconfirmed import Outcome
from tests.deep import ONLY_DEEP, only_deep
from tests.integration.chassis.bus import Bus, eventually, listen
from tests.integration.chassis.test_relay import holders, relay_while, row, sequences
from tests.management import manage


def test_a_change_stream_wakes_it(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any scan, rows that are committed while it idles are published."""
    monkeypatch.setattr(relay_session, "SCAN_INTERVAL", 3_600.0)
    listen(bus.amqp_url, "stranger")

    def commit() -> None:
        for _ in range(3):
            bus.commit("run", ["e1"])
            eventually("its publication", lambda: bus.waiting() == 0)

    relay_while(bus, lambda: bus.waiting() == 0, commit)
    assert sequences(bus.messages("stranger", 3)) == {"e1": [1, 2, 3]}


@pytest.mark.parametrize("idle", [True, pytest.param(False, marks=ONLY_DEEP)])
def test_a_connection_that_an_operator_closes_is_made_anew(
    bus: Bus, stack: dict[str, str], idle: bool
) -> None:
    """A connection that the management API closes is replaced, idle or not, in order."""
    listen(bus.amqp_url, "stranger")
    vhost = quote(bus.amqp_url.rpartition("/")[2], safe="")

    def names() -> set[str]:
        connections = manage(stack, "GET", f"vhosts/{vhost}/connections")
        return {each["name"] for each in connections}

    def close() -> None:
        bus.commit("run", ["e1"])
        eventually("the first event", lambda: bus.waiting() == 0)
        # The API learns of connections by statistics, which come every few seconds.
        known = eventually("a known connection", names)
        for name in known:
            manage(stack, "DELETE", f"connections/{quote(name, safe='')}")
        if idle:
            eventually("another connection", lambda: names() - known)
        bus.commit("run", ["e1", "e1"])

    relay_while(bus, lambda: bus.waiting() == 0, close)
    found = sequences(bus.messages("stranger", 3))["e1"]
    assert list(dict.fromkeys(found)) == [1, 2, 3]


@only_deep
def test_a_relay_that_is_stopped_while_it_drains_loses_and_doubles_nothing(bus: Bus) -> None:
    """SIGTERM under load: exit 0, the lease released, and each event published or waiting."""
    listen(bus.amqp_url, "stranger")
    count = 30_000
    rows = (row(f"k{number % 50}", number // 50 + 1) for number in range(count))
    bus.database.mongo["outbox"].insert_many(rows)
    with bus.running("relay") as relay:
        eventually("the first removals", lambda: bus.waiting() < count)
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(120) == 0
    assert not holders(bus)
    waiting = bus.waiting()
    assert 0 < waiting < count, "the signal came while it drained"
    found = sequences(bus.messages("stranger", count - waiting))
    assert sum(map(len, found.values())) == count - waiting
    assert all(each == list(range(1, len(each) + 1)) for each in found.values())


def test_what_is_removed_is_one_entry_for_change_streams(bus: Bus) -> None:
    """A removal of many rows is one transaction, and two relays may remove the same rows."""
    bus.commit("run", [f"e{number}" for number in range(200)])
    outbox = bus.database.mongo["outbox"]
    confirmed = [each["_id"] for each in outbox.find({}, {"_id": 1})]

    async def remove() -> None:
        client: AsyncMongoClient[Any]
        async with AsyncMongoClient(bus.mongo_url) as client:
            both = [Outbox(client[bus.database.mongo.name]["outbox"]) for _ in range(2)]
            await asyncio.gather(*(each.settle(Outcome(list(confirmed))) for each in both))

    with outbox.watch() as changes:
        asyncio.run(remove())
        removed = [next(changes) for _ in confirmed]
    assert {each["operationType"] for each in removed} == {"delete"}
    assert len({each["clusterTime"] for each in removed}) == 1
    assert bus.waiting() == 0
