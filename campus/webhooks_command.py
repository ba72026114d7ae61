"""`tandem webhooks add|list|show|deliveries|replay|resume|rotate|remove`: events by HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.notify.v1 import webhooks_pb2
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.notify.v1.webhooks_pb2 import Webhook, WebhookDelivery

from campus.consumers import patterns
from campus.events_command import Since
from campus.output import JSON_OPTION, LIMIT, fail, show_done, show_facts, show_rows
from campus.paging import rows_of
from campus.remote import Where, channel_to, reaching
from chassis.contracts.events import contracts

PAGE = 1_000
WEBHOOK = click.argument("webhook")
STATES = ("waiting", "parked", "delivered")
MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A webhook in the list."""

    webhook: str
    url: str
    state: str
    types: str
    waiting: int
    parked: int
    failing_since: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook."""

    event: str
    type: str
    attempts: int
    queued_at: str
    finished_at: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A webhook that is gone."""

    webhook: str


@click.group()
def webhooks() -> None:
    """Send events to other systems by HTTP, with signatures (docs/webhooks.md)."""


@webhooks.command()
@click.argument("url")
@click.option(
    "--types",
    "wanted",
    multiple=True,
    required=True,
    help="A type, or a pattern of types; several with commas, or by several options.",
)
@click.option("--description", default="", help="What it is for, as people read it.")
@reaching
@JSON_OPTION
def add(url: str, wanted: tuple[str, ...], description: str, where: Where, as_json: bool) -> None:
    """Post events of some types to URL.

    Prints the secret by which the receiver checks signatures: it is not shown again.
    """
    chosen = [each.strip() for text in wanted for each in text.split(",") if each.strip()]
    request = webhooks_pb2.CreateWebhookRequest(url=url, patterns=chosen, description=description)
    with _notify(where) as notify:
        made = notify.CreateWebhook(request)
    kinds = {kind: contracts()[kind] for kind in patterns.chosen(chosen, contracts())}
    facts = {"secret": made.secret, "personal_data": patterns.personal(kinds)}
    show_facts(_facts(made.webhook) | facts, as_json)


@webhooks.command("list")
@reaching
@JSON_OPTION
def list_(where: Where, as_json: bool) -> None:
    """List the webhooks, with how many events wait, or are parked."""
    with _notify(where) as notify:
        rows = [_row(each) for each in _all(notify)]
    show_rows("Webhooks", rows, as_json)


@webhooks.command()
@WEBHOOK
@reaching
@JSON_OPTION
def show(webhook: str, where: Where, as_json: bool) -> None:
    """Show WEBHOOK, why it fails, and its last replay."""
    with _notify(where) as notify:
        found = next((each for each in _all(notify) if each.id == webhook), None)
    if found is None:
        fail(f"no webhook {webhook}; `tandem webhooks list` shows all")
    show_facts(_facts(found), as_json)


@webhooks.command()
@WEBHOOK
@click.option(
    "--state",
    type=click.Choice(STATES),
    default="parked",
    show_default=True,
    help="parked: tried for three days in vain.",
)
@LIMIT
@reaching
@JSON_OPTION
def deliveries(webhook: str, state: str, limit: int, where: Where, as_json: bool) -> None:
    """Show events that go to WEBHOOK, the oldest first, with what went wrong."""
    number = webhooks_pb2.WebhookDeliveryState.Value(f"WEBHOOK_DELIVERY_STATE_{state.upper()}")

    request = webhooks_pb2.ListWebhookDeliveriesRequest(
        webhook_id=webhook, state=number, page_size=min(limit, PAGE)
    )
    with _notify(where) as notify:
        found = islice(rows_of(notify.ListWebhookDeliveries, request, "deliveries"), limit)
        rows = [_delivery(each) for each in found]
    show_rows(state.capitalize(), rows, as_json)


@webhooks.command()
@WEBHOOK
@click.option(
    "--since", type=Since(), required=True, help="When to start: 2h or 7d ago, or 2026-03-01."
)
@click.option("--until", type=Since(), help="When to end.  [now]")
@reaching
@JSON_OPTION
def replay(
    webhook: str, since: datetime, until: datetime | None, where: Where, as_json: bool
) -> None:
    """Send WEBHOOK the events again that were made since an instant, parked ones too.

    They come from the history, and from the archive. `show` tells how far it is.
    """
    _replay(webhook, since, until, where, as_json)


@webhooks.command()
@WEBHOOK
@reaching
@JSON_OPTION
def resume(webhook: str, where: Where, as_json: bool) -> None:
    """Send WEBHOOK, which was stopped or fails, what waits for it, from now on."""
    # A replay brings a webhook back; of so short a time it sends nothing else.
    now = datetime.now(UTC)
    _replay(webhook, now, now + MOMENT, where, as_json)


@webhooks.command()
@WEBHOOK
@reaching
@JSON_OPTION
def rotate(webhook: str, where: Where, as_json: bool) -> None:
    """Give WEBHOOK a new secret, and print it: it is not shown again.

    For 24 hours requests are signed with the one before, too.
    """
    with _notify(where) as notify:
        asked = webhooks_pb2.RotateWebhookSecretRequest(webhook_id=webhook)
        changed = notify.RotateWebhookSecret(asked)
    show_facts(_facts(changed.webhook) | {"secret": changed.secret}, as_json)


@webhooks.command()
@WEBHOOK
@reaching
@JSON_OPTION
def remove(webhook: str, where: Where, as_json: bool) -> None:
    """End WEBHOOK; what waits for it is deleted."""
    with _notify(where) as notify:
        notify.DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(webhook_id=webhook))
    show_done(Removed(webhook), f"{webhook} is removed", as_json)


@contextmanager
def _notify(where: Where) -> Iterator[NotifyServiceStub]:
    with channel_to("notify", where, "operator") as channel:
        yield NotifyServiceStub(channel)


def _replay(
    webhook: str, since: datetime, until: datetime | None, where: Where, as_json: bool
) -> None:
    request = webhooks_pb2.ReplayWebhookRequest(webhook_id=webhook)
    request.since.FromDatetime(since)
    if until:
        request.until.FromDatetime(until)
    with _notify(where) as notify:
        found = notify.ReplayWebhook(request)
    show_facts(_facts(found), as_json)


def _all(notify: NotifyServiceStub) -> Iterator[Webhook]:
    request = webhooks_pb2.ListWebhooksRequest(page_size=PAGE)
    return rows_of(notify.ListWebhooks, request, "webhooks")


def _facts(webhook: Webhook) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(
        webhook, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return _plain(found)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Return facts with the short names of enums."""
    for name, value in found.items():
        if isinstance(value, dict):
            _plain(value)
        elif name == "state":
            found[name] = _state(value)
    return found


def _state(name: str) -> str:
    return name.partition("_STATE_")[2]


def _row(each: Webhook) -> Row:
    return Row(
        each.id,
        each.url,
        _state(webhooks_pb2.WebhookState.Name(each.state)),
        ", ".join(each.patterns),
        each.waiting,
        each.parked,
        _instant(each, "failing_since"),
    )


def _delivery(each: WebhookDelivery) -> Delivery:
    return Delivery(
        each.event_id,
        each.event_type,
        each.attempts,
        each.queued_at.ToJsonString(),
        _instant(each, "finished_at"),
        each.error,
    )


def _instant(message: Webhook | WebhookDelivery, field: str) -> str | None:
    value: Timestamp = getattr(message, field)
    return value.ToJsonString() if message.HasField(field) else None  # type: ignore[arg-type]
