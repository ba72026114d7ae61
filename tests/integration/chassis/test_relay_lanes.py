"""Lanes on real servers: order in each aggregate, whatever is late, hot, killed or handed over."""

from collections.abc import Sequence
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from chassis.data.numbering import lane_of
from chassis.messaging import outbox
from chassis.messaging.outbox import Outbox
from chassis.messaging.outbox_reads import CHUNK, Scan
from tests.deep import DEEP, only_deep
from tests.integration.chassis.bus import Bus, Message, eventually, listen
from tests.integration.chassis.test_relay import chain, holders, relay_while, row, sequences

HOUR = 3_600_000
HOT = 100_000 if DEEP else 20_000


def at(hour: int, number: int) -> str:
    """An id by a clock that is so many hours off."""
    text = f"{0x0190A1B20000 + hour * HOUR + number:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-{number:012x}"


def first_comings(found: dict[str, list[int]]) -> dict[str, list[int]]:
    """Each aggregate's sequence numbers, without what came again."""
    return {key: list(dict.fromkeys(numbers)) for key, numbers in found.items()}


def keys(messages: Sequence[Message]) -> list[str]:
    """The partition keys of messages, in order."""
    return [each.headers["cloudEvents_partitionkey"] for _, each, _ in messages]


def neighbour(key: str) -> str:
    """Another aggregate of the same lane."""
    return next(f"n{n}" for n in range(10_000) if lane_of(f"n{n}") == lane_of(key))


@only_deep
def test_relays_that_are_killed_and_come_keep_the_order(bus: Bus) -> None:
    """Under load relays are killed and others come: nothing is lost, and first comings in order."""
    listen(bus.amqp_url, "stranger")
    keys, each = [f"k{number}" for number in range(40)], 100
    mongo = bus.database.mongo["outbox"]
    made = {key: chain(key, each) for key in keys}

    def insert(first: int, last: int) -> None:
        mongo.insert_many([made[key][n] for n in range(first, last) for key in keys])

    insert(0, each // 2)
    with bus.running("relay") as one, bus.running("relay") as two:
        eventually("lanes of both", lambda: len(holders(bus)) == 2)
        insert(each // 2, each)
        one.kill()
        with bus.running("relay") as three:
            eventually("lanes of the third", lambda: three.pid in holders(bus))
            two.terminate()
            assert two.wait(120) == 0
            eventually("all events", lambda: bus.waiting() == 0)
    found = sequences(bus.messages("stranger", 40 * each))
    assert first_comings(found) == {key: list(range(1, each + 1)) for key in keys}


def test_what_is_committed_below_what_was_read_comes_too(bus: Bus) -> None:
    """Writers whose clocks are an hour apart, into one lane: all come, in each one's order."""
    listen(bus.amqp_url, "stranger")
    other = neighbour("a")
    mongo = bus.database.mongo["outbox"]

    def commit() -> None:
        ahead, behind = "", ""
        for number in range(1, 21):
            mongo.insert_one(row("a", number, made=at(1, number), after=ahead))
            mongo.insert_one(row(other, number, made=at(-1, number), after=behind))
            ahead, behind = at(1, number), at(-1, number)
            if number % 5 == 0:
                eventually("these events", lambda: bus.waiting() == 0)

    relay_while(bus, lambda: bus.waiting() == 0, commit)
    expected = {"a": list(range(1, 21)), other: list(range(1, 21))}
    assert sequences(bus.messages("stranger", 40)) == expected


def test_what_waits_before_is_read_first(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row whose predecessor was committed below the scan goes after it."""
    listen(bus.amqp_url, "stranger")
    mongo = bus.database.mongo["outbox"]
    other = neighbour("a")
    mongo.insert_many(chain(other, CHUNK + 10))
    late = row("a", 1, made=at(-1, 1), after="")
    read = Outbox.read

    async def read_and_commit(self: Outbox, wanted: Any) -> Any:
        found = await read(self, wanted)
        if isinstance(wanted, Scan) and found[0] and mongo.find_one({"key": "a"}) is None:
            mongo.insert_many([late, *chain("a", 3, first=2, after=late["_id"])])
        return found

    monkeypatch.setattr(Outbox, "read", read_and_commit)
    gone = {"key": {"$in": ["a", other]}}
    relay_while(bus, lambda: mongo.count_documents(gone) == 0)
    found = first_comings(sequences(bus.messages("stranger", CHUNK + 14)))
    assert found["a"][:4] == [1, 2, 3, 4]


@only_deep
def test_a_hot_aggregate_lets_another_of_its_lane_by(bus: Bus) -> None:
    """Behind very many events of one aggregate another's waits for a few chunks, not for all."""
    listen(bus.amqp_url, "stranger")
    cold = neighbour("hot")
    bus.database.mongo["outbox"].insert_many([*chain("hot", HOT), *chain(cold, 1)])
    relay_while(bus, lambda: bus.waiting() == 0, bool)
    came = keys(bus.messages("stranger", HOT + 1))
    assert came.index(cold) < 10_000
    assert came.count("hot") == HOT


@only_deep
def test_an_aggregate_that_becomes_hot_lets_another_of_its_lane_by(bus: Bus) -> None:
    """The rows arrive all at once while the relay runs."""
    listen(bus.amqp_url, "stranger")
    cold = neighbour("hot")
    mongo = bus.database.mongo["outbox"]

    def insert() -> None:
        rows = [*chain("hot", 20_000), *chain(cold, 1)]
        with bus.database.client.start_session() as session:
            session.with_transaction(lambda each: mongo.insert_many(rows, session=each))

    relay_while(bus, lambda: bus.waiting() == 0, insert)
    came = keys(bus.messages("stranger", 20_001))
    assert came.index(cold) < 10_000
    assert came.count("hot") == 20_000


def test_a_broken_change_stream_loses_nothing(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it breaks, the lanes are read from their start, with all events meanwhile."""
    listen(bus.amqp_url, "stranger")
    mongo = bus.database.mongo["outbox"]
    follow, breaks = Outbox.follow, iter(range(3))

    async def breaking(self: Outbox, ready: Any, tell: Any, is_over: Any) -> None:
        def tell_or_break(notice: Any) -> None:
            if next(breaks, None) is not None:
                raise PyMongoError("broken")
            tell(notice)

        await follow(self, ready, tell_or_break, is_over)

    monkeypatch.setattr(Outbox, "follow", breaking)

    def commit() -> None:
        after = ""
        for number in range(1, 11):
            made = row("a", number, after=after)
            after = made["_id"]
            mongo.insert_one(made)
            eventually("its publication", lambda: bus.waiting() == 0)

    relay_while(bus, lambda: bus.waiting() == 0, commit)
    assert next(breaks, None) is None
    assert first_comings(sequences(bus.messages("stranger", 10))) == {"a": list(range(1, 11))}


def test_what_an_older_version_writes_comes_in_order_too(bus: Bus) -> None:
    """Two versions with different clocks write one aggregate in turn."""
    listen(bus.amqp_url, "stranger")
    mongo = bus.database.mongo["outbox"]

    def older(sequence: int) -> dict[str, Any]:
        return row("e1", sequence, made=at(-sequence, sequence))

    def commit() -> None:
        for _ in range(3):
            bus.commit("run", ["e1", "e1"])
            last = bus.database.mongo["sequences"].find_one_and_update(
                {"_id": "e1"}, {"$inc": {"last": 2}}
            )
            assert last
            mongo.insert_many([older(last["last"] + 1), older(last["last"] + 2)])

    commit()
    relay_while(bus, lambda: bus.waiting() == 0, commit)
    assert sequences(bus.messages("stranger", 24)) == {"e1": list(range(1, 25))}


def test_what_is_released_while_a_relay_runs_goes_at_once(bus: Bus) -> None:
    """The change stream reports rows that are no longer parked."""
    listen(bus.amqp_url, "stranger")
    mongo = bus.database.mongo["outbox"]
    rows = chain("a", 3)
    mongo.insert_many([{**rows[0], "parked_at": bus.database.clock.now()}, *rows[1:]])

    def release() -> None:
        mongo.insert_many(chain("b", 1))
        eventually("the others", lambda: bus.waiting() == 3)
        assert outbox.release(bus.database.mongo) == 1

    relay_while(bus, lambda: bus.waiting() == 0, release)
    assert sequences(bus.messages("stranger", 4)) == {"a": [1, 2, 3], "b": [1]}


def test_a_relay_waits_for_what_others_declare(bus: Bus) -> None:
    """It declares nothing: it waits until the exchange and the history exist."""
    bus.commit("run", ["e1"])
    with bus.running("relay"):
        eventually("its lanes", lambda: holders(bus))
        listen(bus.amqp_url, "stranger")
        eventually("its publication", lambda: bus.waiting() == 0)
    assert sequences(bus.messages("stranger", 1)) == {"e1": [1]}
