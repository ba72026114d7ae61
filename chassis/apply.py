"""Applying deliveries: a batch in one transaction, each event once, poison on its own.

Knows nothing of brokers: it takes bodies and headers, and answers a verdict for each.
"""

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo.errors import OperationFailure

from chassis import events, ids, message_spans, metrics, tracing
from chassis.events import Event, UndecodableError, UnknownTypeError
from chassis.store import Database, Store, is_away
from chassis.subscriptions import Drop, Retry, Subscription
from chassis.tracing import NONE, Attributes


class StoreAway(Exception):
    """MongoDB does not answer: nothing was applied, and nothing is wrong with the events."""


class Kind(StrEnum):
    """What became of a delivery."""

    APPLIED = "applied"
    REPEAT = "repeat"
    RETRY = "retry"
    DROP = "drop"
    UNDECODABLE = "undecodable"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came."""

    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a delivery, and why."""

    kind: Kind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """Whose events are applied, to what, and in whose name."""

    database: Database[Any]
    subscription: Subscription[Any]
    writer: str


APPLIED, REPEAT = Verdict(Kind.APPLIED), Verdict(Kind.REPEAT)
# In an upgrade, or after a way back, a queue gets what the older of two versions has no handler
# for. The newer one takes it when it comes back, or when it is replayed.
ANOTHER_VERSIONS = Verdict(Kind.RETRY, "not for this version")
Read = Event[Any]


def apply(
    database: Database[Any],
    subscription: Subscription[Any],
    deliveries: Sequence[Delivery],
    queue: str = "",
) -> list[Verdict]:
    """Apply a batch; answers one verdict a delivery, in their order.

    `queue` is where they came from, which the handler finds as `store.writer`; where it is not
    told, the subscription's name.

    What is applied is committed, with its marks in the inbox. Raises StoreAway; then deliver the
    batch again: what was committed before is a repeat.
    """
    began = time.perf_counter()
    types = frozenset(subscription.routing_keys)
    read = [_read(delivery, types) for delivery in deliveries]
    good = {event.id: event for event in read if isinstance(event, Event)}
    unit = Unit(database, subscription, queue or subscription.name)
    by_id = _traced(unit, list(good.values()))
    verdicts = []
    for event in read:
        verdicts.append(event if isinstance(event, Verdict) else by_id[event.id])
        if isinstance(event, Event):
            by_id[event.id] = REPEAT if verdicts[-1] is APPLIED else by_id[event.id]
    _count(subscription.name, verdicts, time.perf_counter() - began)
    _tell_lag(subscription.name, read, verdicts)
    return verdicts


def _read(delivery: Delivery, types: Set[str]) -> Read | Verdict:
    try:
        event = events.read(delivery.headers, delivery.body)
    except UnknownTypeError:
        return ANOTHER_VERSIONS
    except UndecodableError as error:
        return Verdict(Kind.UNDECODABLE, str(error))
    except Exception as error:  # a stranger's bytes can upset more than we can think of
        return Verdict(Kind.UNDECODABLE, _told(error))
    return event if event.type in types else ANOTHER_VERSIONS


def _traced(unit: Unit, batch: Sequence[Read]) -> dict[str, Verdict]:
    """Apply events, each under a span of its own from here to its verdict.

    There are none where spans go nowhere: with thousands a second they would be felt.
    """
    if not tracing.is_exporting():
        return _split(unit, batch)
    spans = [message_spans.processing(unit.subscription.name, event) for event in batch]
    ours = [
        replace(event, traceparent=span.traceparent)
        for event, span in zip(batch, spans, strict=True)
    ]
    by_id: dict[str, Verdict] = {}
    try:
        by_id = _split(unit, ours)
    finally:
        for event, span in zip(batch, spans, strict=True):
            span.end(*_ending(by_id.get(event.id)))
    return by_id


def _ending(verdict: Verdict | None) -> tuple[str, Attributes]:
    if verdict is None:
        return "MongoDB does not answer", NONE
    fault = verdict.reason if verdict.kind in {Kind.RETRY, Kind.DROP} else ""
    return fault, {"tandem.verdict": verdict.kind.value}


def _split(unit: Unit, batch: Sequence[Read]) -> dict[str, Verdict]:
    """Apply together; where that fails, in halves, until what fails stands alone."""
    if not batch:
        return {}
    try:
        return _together(unit, batch)
    except Exception as error:
        alone = len(batch) == 1
        if is_away(error) and (alone or not _is_race(error)):
            raise StoreAway(str(error)) from error
        if alone:
            return {batch[0].id: _judge(error)}
    middle = len(batch) // 2
    return {
        **_split(unit, batch[:middle]),
        **_split(unit, batch[middle:]),
    }


def _together(unit: Unit, batch: Sequence[Read]) -> dict[str, Verdict]:
    subscription = unit.subscription

    def work(store: Store) -> dict[str, Verdict]:
        marks = {mark(subscription.name, event.id): event for event in batch}
        known = store["inbox"].find({"_id": {"$in": list(marks)}}, session=store.session)
        seen = {marks[row["_id"]].id for row in known}
        fresh = [event for event in batch if event.id not in seen]
        if fresh:
            subscription.handle(store, fresh)
            now = datetime.now(UTC)  # MongoDB removes old marks by the system's clock
            store["inbox"].insert_many(
                [{"_id": mark(subscription.name, event.id), "at": now} for event in fresh],
                session=store.session,
            )
        return {event.id: REPEAT if event.id in seen else APPLIED for event in batch}

    with tracing.under(_cause(batch)):
        return unit.database.transact(work, unit.writer)


def _cause(batch: Sequence[Read]) -> str:
    """Under what a batch is applied: its events' trace where they have one, else a new one."""
    traces = {tracing.trace_id(event.traceparent) for event in batch}
    return batch[0].traceparent if len(traces) == 1 else ""


def mark(subscription: str, event_id: str) -> str:
    """The inbox's id of an event that a subscription has applied."""
    return f"{subscription}:{event_id}"


def _is_race(error: Exception) -> bool:
    """Whether it lost to other transactions for two minutes, or took longer than one may take.

    A smaller batch meets fewer others, and takes less.
    """
    if not isinstance(error, OperationFailure) or error.timeout:
        return False
    return error.has_error_label("TransientTransactionError")


def _judge(error: Exception) -> Verdict:
    if isinstance(error, Drop):
        return Verdict(Kind.DROP, str(error))
    if isinstance(error, Retry):
        return Verdict(Kind.RETRY, str(error))
    return Verdict(Kind.RETRY, _told(error))


def _told(error: Exception) -> str:
    """What a traceback ends with."""
    return f"{type(error).__name__}: {error}"[:500]


def _count(subscription: str, verdicts: Sequence[Verdict], seconds: float) -> None:
    metrics.BATCH_SIZE.labels(subscription).observe(len(verdicts))
    metrics.HANDLER_SECONDS.labels(subscription).observe(seconds)
    for kind in Kind:
        count = sum(verdict.kind is kind for verdict in verdicts)
        if count:
            metrics.VERDICTS.labels(subscription, kind.value).inc(count)


def _tell_lag(
    subscription: str, read: Sequence[Read | Verdict], verdicts: Sequence[Verdict]
) -> None:
    """From an event's making to its commit, by the time in its id: the other may be steered."""
    now = time.time()
    for event, verdict in zip(read, verdicts, strict=True):
        if isinstance(event, Event) and verdict is APPLIED:
            lag = max(0.0, now - ids.made_at(event.id))
            metrics.EVENT_LAG.labels(event.type, subscription).observe(lag)
