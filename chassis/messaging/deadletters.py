"""Dead letters: listing, replaying and discarding them, for people, over a plain connection."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError

from chassis.contracts import cloudevents
from chassis.messaging import amqp_pika, redelivery, resending, topology
from chassis.messaging.queue_figures import figures

BACK_TRIES, BACK_PAUSE = 40, 0.05


class UnknownQueue(Exception):
    """There is no queue of this name with dead letters."""


@dataclass(frozen=True)
class DeadLetterRecord:
    """A dead letter, as people see it."""

    id: str
    """The event's id; if the message has none, the start of its body's SHA-256."""
    type: str
    died_at: str
    attempts: int
    reason: str
    body: str


def count(amqp_url: str, queues: Collection[str]) -> dict[str, int]:
    """Return how many dead letters each queue has; queues that don't exist are left out."""
    with amqp_pika.connected(amqp_url) as connection:
        found = {queue: figures(connection, topology.dead(queue)) for queue in queues}
        return {queue: told.ready for queue, told in found.items() if told}


def show(amqp_url: str, queue: str, limit: int = 100) -> list[DeadLetterRecord]:
    """Return the first dead letters of a queue; they stay in it. Raises UnknownQueue."""
    with _channel(amqp_url) as channel:
        taken = [_letter(properties, body) for _, properties, body in _take(channel, queue, limit)]
        if taken:
            channel.basic_nack(multiple=True, requeue=True)
            _wait_until_back(channel, queue, len(taken))
        return taken


def replay(amqp_url: str, queue: str, ids: Collection[str] = ()) -> int:
    """Send dead letters (all, or those of `ids`) back to their queue; return how many.

    The broker confirms each before it is removed: a crash in between repeats it, and the inbox
    drops the repeat. Raises UnknownQueue.
    """

    def send_back(channel: BlockingChannel, properties: Any, body: bytes) -> None:
        try:
            channel.basic_publish("", queue, body, _again(properties), mandatory=True)
        except UnroutableError:
            raise UnknownQueue(f"there is no queue {queue!r} to send them back to") from None

    return _each(amqp_url, queue, ids, send_back)


def discard(amqp_url: str, queue: str, ids: Collection[str] = ()) -> int:
    """Delete dead letters (all, or those of `ids`); return how many. Raises UnknownQueue."""
    return _each(amqp_url, queue, ids, lambda *_: None)


def rewrite(amqp_url: str, queue: str, change: Callable[[str, bytes], bytes | None]) -> int:
    """Replace the bodies of dead letters by what `change` returns for their type and body, where
    that is not None; an empty body: delete the letter. Return how many. Raises UnknownQueue.

    A changed letter goes to the end of its queue; the broker confirms it before the old one is
    removed.
    """
    done = 0
    with _channel(amqp_url) as channel:
        channel.confirm_delivery()
        for tag, properties, body in _take(channel, queue, None):
            new = change(_letter(properties, body).type, body)
            if new is None:
                continue
            if new:
                sent = _as_it_was(properties)
                channel.basic_publish("", topology.dead(queue), new, sent, mandatory=True)
            channel.basic_ack(tag)
            done += 1
    return done


def _as_it_was(properties: Any) -> pika.BasicProperties:
    kept = resending.properties(vars(properties))
    headers = resending.headers(properties.headers)
    return pika.BasicProperties(headers=headers, delivery_mode=topology.PERSISTENT, **kept)


def _again(properties: Any) -> pika.BasicProperties:
    """Return the properties for a replay: the original ones, as far as they may be sent again."""
    headers = {
        name: value
        for name, value in resending.headers(properties.headers).items()
        if name not in redelivery.OURS
    }
    kept = resending.properties(vars(properties))
    return pika.BasicProperties(headers=headers, delivery_mode=topology.PERSISTENT, **kept)


def _each(
    amqp_url: str,
    queue: str,
    ids: Collection[str],
    action: Callable[[BlockingChannel, Any, bytes], None],
) -> int:
    done = 0
    with _channel(amqp_url) as channel:
        channel.confirm_delivery()
        for tag, properties, body in _take(channel, queue, None):
            if not ids or _letter(properties, body).id in ids:
                action(channel, properties, body)
                channel.basic_ack(tag)
                done += 1
    return done


def _take(
    channel: BlockingChannel, queue: str, limit: int | None
) -> Iterator[tuple[int, Any, bytes]]:
    """Get messages one by one, unacknowledged: up to `limit`, or as many as there are now."""
    name = topology.dead(queue)
    there = figures(channel.connection, name)
    if there is None:
        raise UnknownQueue(f"there is no queue {name!r}")
    for _ in range(there.ready if limit is None else min(limit, there.ready)):
        method, properties, body = channel.basic_get(name)
        if method is None:
            return
        yield method.delivery_tag, properties, body


def _wait_until_back(channel: BlockingChannel, queue: str, count: int) -> None:
    """Wait until a quorum queue has its messages back, so that the next reader finds them."""
    for _ in range(BACK_TRIES):
        there = figures(channel.connection, topology.dead(queue))
        if there is None or there.ready >= count:
            return
        time.sleep(BACK_PAUSE)


def _letter(properties: Any, body: bytes) -> DeadLetterRecord:
    headers = properties.headers or {}
    attributes = cloudevents.raw(headers)
    return DeadLetterRecord(
        id=str(attributes.get("id") or hashlib.sha256(body).hexdigest()[:16]),
        type=str(attributes.get("type", "")),
        died_at=str(headers.get("x-tandem-died-at") or _brokers_time(headers)),
        attempts=_number(headers.get("x-tandem-attempts")),
        reason=str(headers.get("x-tandem-reason") or _brokers_reason(headers)),
        body=body.decode("utf-8", "backslashreplace"),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _brokers_reason(headers: Mapping[str, Any]) -> str:
    """Return why the broker itself gave it up, such as delivery_limit: its worker crashed."""
    return f"given up by the broker: {headers.get('x-first-death-reason', 'no reason told')}"


def _brokers_time(headers: Mapping[str, Any]) -> str:
    """Return when the broker gave it up; other clients may have written anything into the
    header.
    """
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    at = first.get("time") if isinstance(first, dict) else None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, datetime) else ""


@contextmanager
def _channel(amqp_url: str) -> Iterator[BlockingChannel]:
    with amqp_pika.connected(amqp_url) as connection:
        yield connection.channel()
