"""The inbox processor: applies deliveries in few transactions, each event once.

It knows nothing of brokers: it takes bodies and headers, and returns a disposition for each. An
event that fails does not affect the others.
"""

import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import compress
from typing import Any

from chassis import ids
from chassis.contracts import cloudevents, events
from chassis.contracts.events import Event, UndecodableError, UnknownTypeError
from chassis.data.store import Database, is_away
from chassis.messaging import message_spans, splitting
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.dispositions import APPLIED, REPEAT, Disposition, Kind
from chassis.messaging.inbox import Inbox
from chassis.messaging.splitting import Splitter, StoreAway
from chassis.messaging.subscriptions import Subscription
from chassis.operations import metrics, tracing
from chassis.operations.tracing import NONE, Attributes

__all__ = ["Delivery", "Kind", "StoreAway", "Disposition", "apply"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was received."""

    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    last: bool = False
    """Whether it becomes a dead letter if it can't be applied this time."""
    content_type: str | None = None


# During an upgrade, or after a rollback, a queue gets events for which the older version has no
# handler. The newer version applies them when they are redelivered or replayed.
ANOTHER_VERSIONS = Disposition(Kind.RETRY, "not for this version")
# To apply it as news would tell people once more what they know.
NO_RESYNC = Disposition(Kind.DEAD_LETTER, "the subscription takes none of this type by a resync")
Read = Event[Any]


def apply(
    database: Database[Any],
    subscription: Subscription[Any],
    deliveries: Sequence[Delivery],
    queue: str = "",
    batch_limit: BatchLimit | None = None,
) -> list[Disposition]:
    """Apply a batch; return the disposition of each delivery, in their order.

    `queue`: the queue that they came from, which the handler finds as `store.writer`; by default
    the subscription's name. `batch_limit` adapts to how long the last transaction took.

    Applied events are committed together with their inbox rows. Raises StoreAway; then deliver the
    batch again: events that were committed before are repeats.
    """
    began = time.perf_counter()
    inbox = Inbox(database, subscription, queue or subscription.name, batch_limit or BatchLimit())
    is_needed = _needs(database, subscription)
    needed = [is_needed(each) for each in deliveries]
    found: list[Disposition] = []
    some = list(compress(deliveries, needed))
    for part in splitting.cut(some, lambda each: len(each.body), lambda: splitting.BYTES):
        found += _apply(inbox, part)
    rest = iter(found)
    dispositions = [next(rest) if each else APPLIED for each in needed]
    _count(subscription.name, dispositions, time.perf_counter() - began)
    return dispositions


def _needs(database: Database[Any], subscription: Subscription[Any]) -> Callable[[Delivery], bool]:
    """Return whether a delivery is to be decoded. Raises StoreAway."""
    if subscription.needs is None:
        return lambda _: True
    try:
        is_handled = subscription.needs(database.reader())
    except Exception as error:
        if is_away(error):
            raise StoreAway(str(error)) from error
        raise
    keys = frozenset(subscription.routing_keys)
    handled = cache(is_handled)  # a batch has few types of the many that there are

    def is_needed(delivery: Delivery) -> bool:
        kind = cloudevents.raw(delivery.headers).get("type")
        return not isinstance(kind, str) or kind not in keys or handled(kind)

    return is_needed


def _apply(inbox: Inbox, deliveries: Sequence[Delivery]) -> list[Disposition]:
    """Decode deliveries and apply them; return their dispositions."""
    types = frozenset((*inbox.subscription.routing_keys, *inbox.subscription.former_keys))
    restored = frozenset(inbox.subscription.resync_keys)
    read = [_read(delivery, types, restored) for delivery in deliveries]
    good = {event.id: event for event in read if isinstance(event, Event)}
    last = {
        event.id
        for event, delivery in zip(read, deliveries, strict=True)
        if isinstance(event, Event) and delivery.last
    }
    by_id = _traced(inbox, list(good.values()), last)
    dispositions = []
    for event in read:
        dispositions.append(event if isinstance(event, Disposition) else by_id[event.id])
        if isinstance(event, Event):
            by_id[event.id] = REPEAT if dispositions[-1] is APPLIED else by_id[event.id]
    _report_lag(inbox.subscription.name, read, dispositions)
    return dispositions


def _read(delivery: Delivery, types: Set[str], restored: Set[str]) -> Read | Disposition:
    """Decode a delivery. `types`: those that are handled; `restored`: those, if of a resync."""
    try:
        event = events.read(delivery.headers, delivery.body, delivery.content_type)
    except UnknownTypeError:
        return ANOTHER_VERSIONS
    except UndecodableError as error:
        return Disposition(Kind.UNDECODABLE, str(error))
    if event.type not in types:
        return ANOTHER_VERSIONS
    return NO_RESYNC if event.resync and event.type not in restored else event


def _traced(inbox: Inbox, batch: Sequence[Read], last: Set[str]) -> dict[str, Disposition]:
    """Apply events, each in a span of its own that ends with its disposition.

    Without an exporter there are no spans: with thousands of events a second they cost too much.
    """
    if not tracing.is_exporting():
        return _in_units(inbox, batch, last)
    spans = [message_spans.processing(inbox.subscription.name, event) for event in batch]
    ours = [
        replace(event, traceparent=span.traceparent)
        for event, span in zip(batch, spans, strict=True)
    ]
    by_id: dict[str, Disposition] = {}
    try:
        by_id = _in_units(inbox, ours, last)
    finally:
        for event, span in zip(batch, spans, strict=True):
            span.end(*_ending(by_id.get(event.id)))
    return by_id


def _in_units(inbox: Inbox, batch: Sequence[Read], last: Set[str]) -> dict[str, Disposition]:
    by_id: dict[str, Disposition] = {}
    for unit in splitting.units(inbox.subscription, batch, inbox.batch_limit):
        by_id |= Splitter(inbox.apply, last).run(unit)
    return by_id


def _ending(disposition: Disposition | None) -> tuple[str, Attributes]:
    if disposition is None:
        return "MongoDB does not answer", NONE
    fault = disposition.reason if disposition.kind in {Kind.RETRY, Kind.DEAD_LETTER} else ""
    return fault, {"tandem.verdict": disposition.kind.value}


def _count(subscription: str, dispositions: Sequence[Disposition], seconds: float) -> None:
    metrics.BATCH_SIZE.labels(subscription).observe(len(dispositions))
    metrics.HANDLER_SECONDS.labels(subscription).observe(seconds)
    for kind in Kind:
        count = sum(disposition.kind is kind for disposition in dispositions)
        if count:
            metrics.DISPOSITIONS.labels(subscription, kind.value).inc(count)


def _report_lag(
    subscription: str, read: Sequence[Read | Disposition], dispositions: Sequence[Disposition]
) -> None:
    """Report the time from an event's creation to its commit, by the time in its id.

    `Event.time` may be of a steered clock.
    """
    now = time.time()
    for event, disposition in zip(read, dispositions, strict=True):
        if isinstance(event, Event) and disposition is APPLIED and not event.resync:
            lag = max(0.0, now - ids.made_at(event.id))
            metrics.EVENT_LAG.labels(event.type, subscription).observe(lag)
