"""The events that webhooks get: all that there are, as CloudEvents in structured JSON mode."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from google.protobuf import json_format

from chassis import ids
from chassis.clock import Clock
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.messaging.subscriptions import Subscription
from services.notify import metrics
from services.notify.domain.webhooks import WebhookDeliveryState, WebhookState
from services.notify.store import NotifyStore
from services.notify.usecases import webhooks
from services.notify.usecases.webhooks import Posted


def subscription() -> Subscription[NotifyStore]:
    """Return the subscription, of all types: which of them a webhook wants is looked up when they
    come, so a new webhook needs no binding. It leaves no inbox rows, because a webhook has one
    delivery of an event, with the event's id.
    """
    types = tuple(events.contracts().values())
    every = frozenset(types)
    return Subscription("notify.webhooks", types, _queue, replacing=every, needs=_wanted)


def watch(database: Database[NotifyStore], system: Clock) -> None:
    """Report what waits, is parked, or is stopped."""
    reader = database.reader()
    every = reader.webhooks()
    active = [each for each in every if each.state is not WebhookState.STOPPED]
    parked = [reader.counted(each.id, WebhookDeliveryState.PARKED) for each in every]
    oldest = [reader.oldest_delivery(each.id, system.now()).total_seconds() for each in active]
    metrics.WEBHOOKS_STOPPED.set(len(every) - len(active))
    metrics.WEBHOOK_PARKED.set(sum(parked))
    metrics.WEBHOOK_OLDEST.set(max(oldest, default=0.0))


def posted(event: Event[Any]) -> Posted:
    """Return an event as webhooks get it."""
    made_at = datetime.fromtimestamp(ids.made_at(event.id), UTC)
    return Posted(event.id, event.type, event.partition_key, made_at, structured(event))


def structured(event: Event[Any]) -> bytes:
    """Return an event in structured mode (CloudEvents 1.0.2, JSON format, section 3).

    Its attributes are those of the messages of AMQP, its `data` is their body. An event that a
    replay took from the archive, without its personal fields, is `sealed`.
    """
    headers = events.headers_of(event)
    attributes: dict[str, Any] = {
        name.removeprefix(events.PREFIX): value for name, value in headers.items()
    }
    if event.is_sealed:
        attributes["sealed"] = True
    data = json_format.MessageToJson(event.data, indent=None, ensure_ascii=False)
    attributes["datacontenttype"] = events.CONTENT_TYPE
    return orjson.dumps(attributes | {"data": orjson.Fragment(data)})


def _wanted(store: NotifyStore) -> Callable[[str], bool]:
    """Return whether any webhook wants a type. A new webhook wants what comes after this look."""
    known = store.webhooks()
    return lambda kind: any(each.wants(kind) for each in known)


def _queue(store: NotifyStore, batch: Sequence[Event[Any]]) -> None:
    wanted = store.webhooks()
    some = [event for event in batch if any(each.wants(event.type) for each in wanted)]
    webhooks.queue(store, wanted, [posted(event) for event in some], datetime.now(UTC))
