"""Webhooks for tests: made by the API, with events and turns as workers give them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from tandem.notify.v1 import webhooks_pb2

from chassis import ids
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from chassis.messaging.batch_limit import BatchLimit
from chassis.messaging.inbox import Inbox
from services.notify.domain.webhooks import Secrets
from services.notify.store import NotifyStore
from services.notify.webhook_events import subscription
from services.notify.webhook_turns import turns
from tests.integration.notify.receivers import LOCAL, Receiver
from tests.integration.notify.world import World

KEY = "w" * 32
SECRETS = Secrets(KEY)
PATIENT, HASTY = 60.0, 1.0
"""How long a receiver may take, in seconds: on a busy machine; if it is not to answer."""


class Hooks:
    """Notify's webhooks; `system`: the clock of their jobs, which stands until a test moves it."""

    def __init__(self, world: World, operator: Any) -> None:
        self.world, self.operator, self.system = world, operator, world.system
        self.database: Database[NotifyStore] = world.database
        self._inbox = Inbox(self.database, subscription(), "notify.webhooks", BatchLimit())

    def create(self, receiver: Receiver, *patterns: str) -> str:
        """Make a webhook, whose secret the receiver keeps; return its id."""
        request = webhooks_pb2.CreateWebhookRequest(url=receiver.url, patterns=patterns or ("#",))
        made = self.operator.CreateWebhook(request)
        receiver.secrets.append(made.secret)
        return str(made.webhook.id)

    def events(self, *data: Message) -> list[Event[Any]]:
        """Events with these messages, made now."""
        return [self._with_id(self.world.event(each)) for each in data]

    def _with_id(self, event: Event[Any]) -> Event[Any]:
        values = {name: getattr(event, name) for name in event.__dataclass_fields__}
        return Event(**{**values, "id": ids.new_id()})

    def hear(self, *events: Event[Any]) -> list[str]:
        """Let events come in, as one batch; return their ids."""
        self._inbox.apply(events)
        return [each.id for each in events]

    def tell(self, *data: Message) -> list[str]:
        """Let events with these messages come in; return their ids."""
        return self.hear(*self.events(*data))

    def runner(self, networks: Collection[Any] = LOCAL, total: float = PATIENT) -> Runner:
        """A worker's turns."""
        return Runner(self.database, turns(SECRETS, networks, self.system, total), self.system)

    def send(self, networks: Collection[Any] = LOCAL, total: float = PATIENT) -> None:
        """Send what is due by the jobs' clock."""
        self.runner(networks, total).run_due()

    def after(self, pause: timedelta) -> None:
        """Let time pass for the jobs, and send what is due then."""
        self.system.at += pause
        self.send()

    def listed(self, webhook_id: str) -> Any:
        """A webhook as an operator sees it."""
        answer = self.operator.ListWebhooks(webhooks_pb2.ListWebhooksRequest())
        (found,) = (each for each in answer.webhooks if each.id == webhook_id)
        return found

    def deliveries(self, webhook_id: str, state: str) -> list[Any]:
        """Its deliveries in a state, as an operator sees them, page by page."""
        found, token = [], ""
        while True:
            request = webhooks_pb2.ListWebhookDeliveriesRequest(
                webhook_id=webhook_id,
                state=webhooks_pb2.WebhookDeliveryState.Value(f"WEBHOOK_DELIVERY_STATE_{state}"),
                page_size=2,
                page_token=token,
            )
            page = self.operator.ListWebhookDeliveries(request)
            found += page.deliveries
            token = page.next_page_token
            if not token:
                return found

    def replay(self, webhook_id: str, since: datetime, until: datetime | None = None) -> Any:
        """Ask for events of the past."""
        request = webhooks_pb2.ReplayWebhookRequest(webhook_id=webhook_id)
        request.since.FromDatetime(since)
        if until:
            request.until.FromDatetime(until)
        return self.operator.ReplayWebhook(request)


def now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)
