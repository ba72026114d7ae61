"""Applying deliveries: in few transactions, each event once, what fails on its own.

Knows nothing of brokers: it takes bodies and headers, and answers a verdict for each.
"""

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event, UndecodableError, UnknownTypeError
from chassis.data.store import Database
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
    """One message as it came."""

    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)
    last: bool = False
    """Whether it becomes a dead letter if it can't be applied this time."""
    content_type: str | None = None


# In an upgrade, or after a way back, a queue gets what the older of two versions has no handler
# for. The newer one takes it when it comes back, or when it is replayed.
ANOTHER_VERSIONS = Disposition(Kind.RETRY, "not for this version")
Read = Event[Any]


def apply(
    database: Database[Any],
    subscription: Subscription[Any],
    deliveries: Sequence[Delivery],
    queue: str = "",
    batch_limit: BatchLimit | None = None,
) -> list[Disposition]:
    """Apply a batch; answers one verdict a delivery, in their order.

    `queue` is where they came from, which the handler finds as `store.writer`; where it is not
    told, the subscription's name. `pace` remembers how fast the last batch was.

    What is applied is committed, with its marks in the inbox. Raises StoreAway; then deliver the
    batch again: what was committed before is a repeat.
    """
    began = time.perf_counter()
    inbox = Inbox(database, subscription, queue or subscription.name, batch_limit or BatchLimit())
    dispositions: list[Disposition] = []
    for some in splitting.cut(deliveries, lambda each: len(each.body), lambda: splitting.BYTES):
        dispositions += _apply(inbox, some)
    _count(subscription.name, dispositions, time.perf_counter() - began)
    return dispositions


def _apply(inbox: Inbox, deliveries: Sequence[Delivery]) -> list[Disposition]:
    """Decode deliveries and apply them; answers their verdicts."""
    types = frozenset(inbox.subscription.routing_keys)
    read = [_read(delivery, types) for delivery in deliveries]
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


def _read(delivery: Delivery, types: Set[str]) -> Read | Disposition:
    try:
        event = events.read(delivery.headers, delivery.body, delivery.content_type)
    except UnknownTypeError:
        return ANOTHER_VERSIONS
    except UndecodableError as error:
        return Disposition(Kind.UNDECODABLE, str(error))
    return event if event.type in types else ANOTHER_VERSIONS


def _traced(inbox: Inbox, batch: Sequence[Read], last: Set[str]) -> dict[str, Disposition]:
    """Apply events, each under a span of its own from here to its verdict.

    There are none where spans go nowhere: with thousands a second they would be felt.
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
    """From an event's making to its commit, by the time in its id: the other may be steered."""
    now = time.time()
    for event, disposition in zip(read, dispositions, strict=True):
        if isinstance(event, Event) and disposition is APPLIED:
            lag = max(0.0, now - ids.made_at(event.id))
            metrics.EVENT_LAG.labels(event.type, subscription).observe(lag)
