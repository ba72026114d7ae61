"""The RPCs of webhooks."""

from datetime import UTC, datetime
from typing import Any

from tandem.notify.v1 import webhooks_pb2

from chassis.contracts import events
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.errors import FailedPrecondition
from services.notify.domain.webhooks import (
    CreateWebhook,
    Secrets,
    Webhook,
    WebhookDeliveryState,
)
from services.notify.store import NotifyStore
from services.notify.usecases import webhooks


class WebhooksApi:
    """A part of NotifyService."""

    _database: Database[NotifyStore]
    _secrets: Secrets | None
    """None: webhooks are off."""
    _allows_http: bool

    def CreateWebhook(
        self, request: webhooks_pb2.CreateWebhookRequest, _: Any
    ) -> webhooks_pb2.CreateWebhookResponse:
        secrets, command = self._on(), from_message(request, CreateWebhook)
        made = execute(
            self._database,
            request,
            webhooks_pb2.Webhook,
            lambda store: webhooks.create(store, command, events.contracts(), self._allows_http),
        )
        # Not within the answer that is remembered: no secret is stored.
        secret = secrets.secret(made.id, made.secret_version)
        return webhooks_pb2.CreateWebhookResponse(webhook=made, secret=secret)

    def ListWebhooks(
        self, request: webhooks_pb2.ListWebhooksRequest, _: Any
    ) -> webhooks_pb2.ListWebhooksResponse:
        reader = self._database.reader()
        found, token = reader.webhook_page(page_of(request))
        shown = [_shown(reader, each) for each in found]
        return webhooks_pb2.ListWebhooksResponse(webhooks=shown, next_page_token=token)

    def ListWebhookDeliveries(
        self, request: webhooks_pb2.ListWebhookDeliveriesRequest, _: Any
    ) -> webhooks_pb2.ListWebhookDeliveriesResponse:
        reader = self._database.reader()
        webhook = webhooks.get(reader, request.webhook_id)
        name = webhooks_pb2.WebhookDeliveryState.Name(request.state)
        state = WebhookDeliveryState(name.removeprefix("WEBHOOK_DELIVERY_STATE_"))
        found, token = reader.delivery_page(webhook.id, state, page_of(request))
        return webhooks_pb2.ListWebhookDeliveriesResponse(
            deliveries=[to_message(each, webhooks_pb2.WebhookDelivery) for each in found],
            next_page_token=token,
        )

    def RotateWebhookSecret(
        self, request: webhooks_pb2.RotateWebhookSecretRequest, _: Any
    ) -> webhooks_pb2.RotateWebhookSecretResponse:
        secrets = self._on()
        changed = execute(
            self._database,
            request,
            webhooks_pb2.Webhook,
            lambda store: webhooks.rotate(store, request.webhook_id, datetime.now(UTC)),
        )
        secret = secrets.secret(changed.id, changed.secret_version)
        return webhooks_pb2.RotateWebhookSecretResponse(webhook=changed, secret=secret)

    def ReplayWebhook(
        self, request: webhooks_pb2.ReplayWebhookRequest, _: Any
    ) -> webhooks_pb2.Webhook:
        since = request.since.ToDatetime(UTC)
        until = request.until.ToDatetime(UTC) if request.HasField("until") else datetime.now(UTC)
        return execute(
            self._database,
            request,
            webhooks_pb2.Webhook,
            lambda store: webhooks.replay(store, request.webhook_id, since, until),
        )

    def DeleteWebhook(
        self, request: webhooks_pb2.DeleteWebhookRequest, _: Any
    ) -> webhooks_pb2.DeleteWebhookResponse:
        return execute(
            self._database,
            request,
            webhooks_pb2.DeleteWebhookResponse,
            lambda store: webhooks.delete(store, request.webhook_id),
        )

    def _on(self) -> Secrets:
        """Return the secrets. Raises FailedPrecondition."""
        if self._secrets is None:
            raise FailedPrecondition("webhooks are off: TANDEM_WEBHOOKS_KEY is not set")
        return self._secrets


def _shown(reader: NotifyStore, webhook: Webhook) -> webhooks_pb2.Webhook:
    """Return a webhook with how much waits for it."""
    until = webhook.old_secret_until
    return to_message(
        webhook,
        webhooks_pb2.Webhook,
        waiting=reader.counted(webhook.id, WebhookDeliveryState.WAITING),
        parked=reader.counted(webhook.id, WebhookDeliveryState.PARKED),
        replay=reader.replay(webhook.id),
        old_secret_until=until if until and until > datetime.now(UTC) else None,
    )
