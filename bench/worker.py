"""Worker: events applied a second, beside nameko's stock handler and beside a consumer by hand."""

from collections.abc import Iterator
from typing import Any

import pika

from bench import rig
from bench.figures import Figure, beside
from bench.sample import QUEUE
from chassis.messaging.topology import PERSISTENT

EVENTS = 20_000
PEER_EVENTS = 3_000
PEER_QUEUE = "evt-tandem-tandem.progress.activity.completed.v1--peer.apply"
ROUNDS = 3


def measure() -> Iterator[Figure]:
    """All count the same event up in the same collection, with the same inbox check.

    The stock handler takes a transaction a message, the one by hand batches of 500 as ours does.
    """
    yield beside("worker", "events/s", 5.0, ROUNDS, _ours, _stock)
    yield beside("worker, beside one by hand", "events/s", None, ROUNDS, _ours, _by_hand)


def _ours() -> float:
    database = rig.fresh_database()
    _fill_queue(database, QUEUE, EVENTS)
    with rig.running("bench.sample", "worker"):
        return rig.rate(lambda: database.mongo["inbox"].estimated_document_count(), EVENTS)


def _by_hand() -> float:
    database = rig.fresh_database()
    _fill_queue(database, QUEUE, EVENTS)
    with rig.running("bench.kombu_peer", "effects", QUEUE):
        return rig.rate(lambda: database.mongo["inbox"].estimated_document_count(), EVENTS)


def _stock() -> float:
    database = rig.fresh_database()
    with rig.running("bench.nameko_peer", "declare"):
        _wait_for_queue()
    _fill_queue(database, PEER_QUEUE, PEER_EVENTS)
    with rig.running("bench.nameko_peer", "run"):
        return rig.rate(lambda: database.mongo["inbox"].estimated_document_count(), PEER_EVENTS)


def _fill_queue(database: Any, queue: str, count: int) -> None:
    """Put real events into a queue, straight: the relay has its own figure."""
    rig.fill_outbox(database, count)
    with pika.BlockingConnection(pika.URLParameters(rig.environment()["TANDEM_AMQP_URL"])) as link:
        channel = link.channel()
        channel.queue_purge(queue)
        for row in database.mongo["outbox"].find():
            properties = pika.BasicProperties(
                delivery_mode=PERSISTENT, content_type="application/json", headers=row["headers"]
            )
            channel.basic_publish("", queue, bytes(row["body"]), properties)
    database.mongo["outbox"].delete_many({})


def _wait_for_queue() -> None:
    """Until the stock handler has declared its queue."""
    import time

    for _ in range(100):
        try:
            with pika.BlockingConnection(
                pika.URLParameters(rig.environment()["TANDEM_AMQP_URL"])
            ) as link:
                link.channel().queue_declare(PEER_QUEUE, passive=True)
                return
        except pika.exceptions.ChannelClosedByBroker:
            time.sleep(0.1)
    raise TimeoutError("the stock handler declared no queue within 10 s")
