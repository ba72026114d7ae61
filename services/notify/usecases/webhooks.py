"""Making, changing and ending webhooks; the deliveries that follow from events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import FailedPrecondition, FieldViolation, NotFound, check
from services.notify.domain.webhooks import (
    KEPT,
    MOST_WEBHOOKS,
    CreateWebhook,
    Webhook,
    WebhookDelivery,
    WebhookReplay,
    WebhookReplayState,
    check_webhook,
    resumed,
    rotated,
)
from services.notify.ports_webhooks import Store


@dataclass(frozen=True, slots=True)
class Deleted:
    """The result of DeleteWebhook."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An event as webhooks get it."""

    id: str
    type: str
    key: str
    made_at: datetime
    body: bytes


def create(
    store: Store, command: CreateWebhook, types: Iterable[str], allows_http: bool
) -> Webhook:
    """Make a webhook. `types`: of all events; `allows_http`: whether a URL may be without TLS.

    Raises Invalid; FailedPrecondition if there are as many as there may be.
    """
    check_webhook(command, types, allows_http)
    store.lock_webhooks()
    if len(store.webhooks()) >= MOST_WEBHOOKS:
        raise FailedPrecondition(
            f"there are {MOST_WEBHOOKS} webhooks, and there may be no more; delete one with"
            " DeleteWebhook, or let its receiver share one"
        )
    webhook = Webhook(
        id=store.new_id(),
        url=command.url,
        patterns=command.patterns,
        description=command.description,
        created_at=store.now,
    )
    store.add_webhook(webhook)
    return webhook


def get(store: Store, webhook_id: str) -> Webhook:
    """Return a webhook. Raises NotFound."""
    found = store.webhook(webhook_id)
    if found is None:
        raise NotFound(f"no webhook {webhook_id}")
    return found


def rotate(store: Store, webhook_id: str, now: datetime) -> Webhook:
    """Give a webhook its next secret. `now`: by the system's clock. Raises NotFound."""
    webhook = rotated(get(store, webhook_id), now)
    store.change_webhook(webhook)
    return webhook


def replay(store: Store, webhook_id: str, since: datetime, until: datetime) -> Webhook:
    """Start to send events made in [since, until) again. Raises Invalid, NotFound;
    FailedPrecondition while another replay runs.
    """
    if since >= until:
        wrong = f"is not before {until.isoformat()}, the end of the range"
        check([FieldViolation("since", wrong, "an earlier instant, or a later `until`")])
    webhook, running = get(store, webhook_id), store.replay(webhook_id)
    if running and running.state is WebhookReplayState.RUNNING:
        raise FailedPrecondition(
            f"a replay of {webhook_id} runs: {running.queued} events are queued; ask again when"
            " ListWebhooks tells that it is DONE"
        )
    store.start_replay(webhook_id, WebhookReplay(since, until))
    webhook = resumed(webhook)
    store.change_webhook(webhook)
    return webhook


def delete(store: Store, webhook_id: str) -> Deleted:
    """End a webhook. Its deliveries are removed afterwards, by a worker. Raises NotFound."""
    store.change_webhook(replace(get(store, webhook_id), deleted=True))
    return Deleted()


def queue(
    store: Store, webhooks: Sequence[Webhook], events: Sequence[Posted], now: datetime
) -> None:
    """Queue events for those of the webhooks that want them. `now`: by the system's clock."""
    store.queue_deliveries(
        [
            delivery(webhook, event, now)
            for webhook in webhooks
            for event in events
            if webhook.wants(event.type)
        ]
    )


def delivery(webhook: Webhook, event: Posted, now: datetime) -> WebhookDelivery:
    """Return the delivery of an event to a webhook."""
    return WebhookDelivery(
        id=f"{webhook.id}:{event.id}",
        webhook_id=webhook.id,
        event_id=event.id,
        event_type=event.type,
        key=event.key,
        made_at=event.made_at,
        body=event.body,
        queued_at=now,
        due=now,
        expire_at=now + KEPT,
    )
