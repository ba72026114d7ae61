"""Mails that came back, and the addresses that get no more mail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.errors import NotFound
from services.notify.domain.bounces import Bounce, BounceOutcome, Suppression
from services.notify.domain.enums import DeliveryState
from services.notify.domain.messages import Delivery, delayed, failed, outcome_of, returned
from services.notify.ports import Store
from services.notify.usecases.unsubscribing import told_by


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of ReportBounce."""

    outcome: BounceOutcome


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of RemoveSuppression."""


def record_bounce(store: Store, bounce: Bounce) -> Recorded:
    """Record what a report says of a mail, for each delivery that the mail told. A repeat changes
    nothing. Raises NotFound.
    """
    told, outcome = told_by(store, bounce.mail_id), bounce.report.outcome
    if outcome is BounceOutcome.DELAYED:
        _note(store, told, delayed(bounce.report.status))
    elif outcome is not BounceOutcome.IGNORED:
        _fail(store, told, returned(bounce.report.status))
    first = told[0]
    if outcome is BounceOutcome.SUPPRESSED and first.sent_to:
        store.suppress(
            Suppression(
                id=first.sent_to,
                person_id=first.person_id,
                delivery_id=first.id,
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


def _note(store: Store, told: Sequence[Delivery], reason: str) -> None:
    """Note that a mail is late. One that has failed is not late any more."""
    store.finish(
        [replace(each, error=reason) for each in told if each.state is DeliveryState.DELIVERED]
    )


def _fail(store: Store, told: Sequence[Delivery], reason: str) -> None:
    """Let deliveries fail, and tell so once, whatever is known of them: a bounce may come before
    the server's answer is stored.
    """
    after = {each: failed(each, store.now, reason) for each in told}
    store.record_event(
        *(outcome_of(after[each]) for each in told if each.state is not DeliveryState.FAILED)
    )
    store.finish([after[each] for each in told if each.error != reason])
