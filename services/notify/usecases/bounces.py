"""Mails that came back, and the addresses that get no more mail."""

from dataclasses import dataclass, replace

from chassis.errors import NotFound
from services.notify.domain.bounces import Bounce, BounceOutcome, Suppression
from services.notify.domain.enums import DeliveryState
from services.notify.domain.messages import Delivery, delayed, failed, outcome_of, returned
from services.notify.ports import Store
from services.notify.usecases.unsubscribing import mail_of


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of ReportBounce."""

    outcome: BounceOutcome


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of RemoveSuppression."""


def record_bounce(store: Store, bounce: Bounce) -> Recorded:
    """Record what a report says of a delivery. A repeat changes nothing. Raises NotFound."""
    delivery, outcome = mail_of(store, bounce.delivery_id), bounce.report.outcome
    if outcome is BounceOutcome.DELAYED:
        _note(store, delivery, delayed(bounce.report.status))
    elif outcome is not BounceOutcome.IGNORED:
        _fail(store, delivery, returned(bounce.report.status))
    if outcome is BounceOutcome.SUPPRESSED and delivery.sent_to:
        store.suppress(
            Suppression(
                id=delivery.sent_to,
                person_id=delivery.person_id,
                delivery_id=delivery.id,
                code=bounce.report.status,
                since=store.now,
            )
        )
    return Recorded(outcome)


def remove_suppression(store: Store, suppression_id: str) -> Removed:
    """Let an address get mail again. Raises NotFound."""
    if not store.remove_suppression(suppression_id):
        raise NotFound(f"no suppression {suppression_id}")
    return Removed()


def _note(store: Store, delivery: Delivery, reason: str) -> None:
    """Note that a mail is late. One that has failed is not late any more."""
    if delivery.state is DeliveryState.DELIVERED:
        store.finish([replace(delivery, error=reason)])


def _fail(store: Store, delivery: Delivery, reason: str) -> None:
    """Let a delivery fail, and tell so once, whatever is known of it: a bounce may come before the
    server's answer is stored.
    """
    after = failed(delivery, store.now, reason)
    if delivery.state is not DeliveryState.FAILED:
        store.record_event(outcome_of(after))
    if delivery.error != reason:
        store.finish([after])
