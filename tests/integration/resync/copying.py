"""A service and those that copy its data, on a real broker: what a relay and workers do, step by
step."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pika
from google.protobuf.message import Message

from chassis.contracts import events
from chassis.data.store import Database
from chassis.ids import new_id
from chassis.messaging import inbox_processor, partitions, queue_figures, topology
from chassis.messaging.inbox_processor import Delivery, Kind
from chassis.messaging.subscriptions import Subscription
from chassis.resync import digests, resyncs, sender, work
from chassis.resync.digests import Digested, Stretch
from chassis.resync.resyncs import Resync
from chassis.resync.sender import Sender
from chassis.resync.sources import Source
from tests.integration.catalog.registry import Registry
from tests.integration.chassis.bus import channel_of

PARTITIONS = 2


@dataclass
class Owner:
    """A service whose data are copied."""

    database: Database[Any]
    sources: Sequence[Source[Any]]
    originals: Mapping[str, Digested]

    @property
    def small(self) -> Mapping[str, Source[Any]]:
        """Its sources, with pages so small that much happens between two of them."""
        return {each.kind: replace(each, page=2) for each in self.sources}


@dataclass
class Copier:
    """A service that copies others' data."""

    database: Database[Any]
    subscriptions: Mapping[str, Subscription[Any]]
    copies: Mapping[str, Digested]

    def lose(self) -> None:
        """Lose the whole database but its migrations, as after a restore of an empty one."""
        for name in self.database.mongo.list_collection_names():
            if name != "migrations":
                self.database.mongo[name].delete_many({})


@dataclass
class Copying:
    """A service, those that copy its data, and the broker between them."""

    registry: Registry
    owner: Owner
    amqp_url: str
    copiers: Mapping[str, Copier]

    def declare(self) -> None:
        """Declare the queues of the services."""
        for copier in self.copiers.values():
            topology.declare(self.amqp_url, list(copier.subscriptions.values()), PARTITIONS)

    def relay(self, most: int = 10_000) -> None:
        """Publish the oldest events of the owner's outbox, in their order."""
        outbox = self.owner.database.mongo["outbox"]
        with channel_of(self.amqp_url) as channel:
            channel.confirm_delivery()
            for row in list(outbox.find().sort("_id").limit(most)):
                properties = pika.BasicProperties(
                    content_type=events.CONTENT_TYPE, delivery_mode=2, headers=row["headers"]
                )
                channel.basic_publish(topology.EXCHANGE, row["type"], row["body"], properties)
                outbox.delete_one({"_id": row["_id"]})

    def work_off(self, service: str, most: int = 10_000) -> int:
        """Apply messages of a service's queues, as its worker does; return how many."""
        applied = 0
        for subscription in self.copiers[service].subscriptions.values():
            for queue in partitions.queues(subscription, PARTITIONS):
                applied += self._apply(service, subscription, queue, most)
        return applied

    def hear(self, service: str, subscription: str, *told: Message) -> None:
        """Let a service hear of what another one than the owner told."""
        copier = self.copiers[service]
        heard = [_told(each) for each in told]
        handle = copier.subscriptions[subscription].handle
        copier.database.transact(lambda store: handle(store, heard))

    def lose_news(self) -> None:
        """Lose what is in all queues, as where a database is restored to an earlier moment."""
        with channel_of(self.amqp_url) as channel:
            for copier in self.copiers.values():
                for subscription in copier.subscriptions.values():
                    for queue in partitions.queues(subscription, PARTITIONS):
                        channel.queue_purge(queue)

    def begin(self, subscription: str, *kinds: str) -> Resync:
        """Begin a resync."""
        known = list(self.owner.small)
        return self.owner.database.transact(
            lambda store: resyncs.begin(store, subscription, kinds, known, "operator")
        )

    def step(self, sending: Sender, resync: Resync) -> Resync:
        """Send the next two things of a resync."""
        return work.step(self.owner.database, sending, self.owner.small, resync)

    def resync(self, subscription: str, *kinds: str) -> Resync:
        """Do a whole resync; return it."""
        with self.sending() as sending:
            found = self.begin(subscription, *kinds)
            while found.ended_at is None:
                found = self.step(sending, found)
        return found

    def resync_amid(
        self,
        keeper: str,
        subscriptions: Sequence[str],
        steps: Sequence[str],
        choice: random.Random,
        change: Callable[[random.Random], None],
    ) -> list[Resync]:
        """Do resyncs for a service, and between their steps what `steps` says; return them."""
        with self.sending() as sending:
            found = [self.begin(name) for name in subscriptions]
            for act in [*steps, *["send"] * 200]:
                match act:
                    case "change":
                        change(choice)
                    case "relay":
                        self.relay(choice.randrange(1, 5))
                    case "work off":
                        self.work_off(keeper, choice.randrange(1, 5))
                    case _:
                        found = [e if e.ended_at else self.step(sending, e) for e in found]
        assert all(each.ended_at for each in found)
        return found

    def sending(self) -> Any:
        """A sender."""
        return sender.connected(self.amqp_url)

    def differences(self, service: str) -> dict[str, set[str]]:
        """The keys of each kind whose copies differ from the originals."""
        copier = self.copiers[service]
        found = {}
        for kind in copier.copies.keys() & self.owner.originals.keys():
            copies = copier.copies[kind]
            fields = sorted(copies.fields)
            originals = dict(_rows(self.owner.database, self.owner.originals[kind], fields))
            copied = dict(_rows(copier.database, copies, fields))
            found[kind] = {
                key
                for key in originals.keys() | copied.keys()
                if originals.get(key) != copied.get(key)
            }
        return {kind: keys for kind, keys in found.items() if keys}

    def count(self, queue: str) -> int:
        """How many messages a queue has."""
        with channel_of(self.amqp_url) as channel:
            found = queue_figures.figures(channel.connection, queue)
        assert found, queue
        return found.ready

    def _apply(self, service: str, subscription: Subscription[Any], queue: str, most: int) -> int:
        with channel_of(self.amqp_url) as channel:
            taken = list(_taken(channel, queue, most))
            deliveries = [Delivery(body, headers) for headers, body in taken]
            database = self.copiers[service].database
            done = inbox_processor.apply(database, subscription, deliveries, queue)
            assert {each.kind for each in done} <= {Kind.APPLIED, Kind.REPEAT, Kind.WAIT}, done
            for (headers, body), each in zip(taken, done, strict=True):
                if each.kind is Kind.WAIT:
                    properties = pika.BasicProperties(headers=headers, delivery_mode=2)
                    channel.basic_publish("", queue, body, properties)
        return len(taken)


def _told(data: Message) -> events.Event[Any]:
    kind, (subject, key) = events.event_type(type(data)), events.subject_and_key(data)
    now = datetime.now(UTC)
    return events.Event(new_id(), kind, "/tandem/tests", now, subject, key, 1, "", data)


def _taken(channel: Any, queue: str, most: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Take up to so many of the messages that a queue has; others go back when the channel ends."""
    found = queue_figures.figures(channel.connection, queue)
    count = min(most, found.ready if found else 0)
    channel.basic_qos(prefetch_count=count)
    if count:
        for place, (method, properties, body) in enumerate(channel.consume(queue), 1):
            channel.basic_ack(method.delivery_tag)
            yield properties.headers, body
            if place == count:
                return


def _rows(
    database: Database[Any], kind: Digested, fields: Sequence[str]
) -> Sequence[tuple[str, bytes]]:
    rows, more = digests.rows(database.reader(), kind, fields, Stretch(most=10_000))
    assert not more
    return rows
