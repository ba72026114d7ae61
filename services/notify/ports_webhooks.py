"""The interface that the use cases of webhooks need."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.notify.domain.webhooks import Webhook, WebhookDelivery, WebhookReplay


class Store(Protocol):
    """One unit of work's view of the webhooks."""

    now: datetime

    def new_id(self) -> str:
        """Return a new id."""

    def lock_webhooks(self) -> None:
        """Let units of work that make webhooks go on one after the other."""

    def webhooks(self) -> Sequence[Webhook]:
        """Return all webhooks that are not deleted."""

    def webhook(self, webhook_id: str) -> Webhook | None:
        """Return a webhook that is not deleted."""

    def add_webhook(self, webhook: Webhook) -> None:
        """Store a new webhook."""

    def change_webhook(self, webhook: Webhook) -> None:
        """Store a changed webhook, which is then looked at soon."""

    def replay(self, webhook_id: str) -> WebhookReplay | None:
        """Return the last replay of a webhook."""

    def start_replay(self, webhook_id: str, replay: WebhookReplay) -> None:
        """Store a new replay, with its job."""

    def queue_deliveries(self, deliveries: Sequence[WebhookDelivery]) -> None:
        """Store new deliveries; one that exists stays as it is."""
