"""Mails that came back, and the addresses that get no more mail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.errors import NotFound
from services.notify.domain.bounces import Bounce, BounceOutcome, Suppression, address_hash
from services.notify.domain.enums import DeliveryState, Kind
from services.notify.domain.messages import Delivery, delayed, failed, outcome_of, returned
from services.notify.domain.notices import Notice
from services.notify.domain.values import MailReturned
from services.notify.ports import Store, Texts
from services.notify.usecases.notifications import Addressed, notify
from services.notify.usecases.unsubscribing import told_by

_FAILED = "tandem.notify.message.failed.v1"  # of it the message tells


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of ReportBounce."""

    outcome: BounceOutcome


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of RemoveSuppression."""


def record_bounce(store: Store, texts: Texts, bounce: Bounce) -> Recorded:
    """Record what a report says of a mail, for each delivery that the mail told; tell the person if
    the address gets no more mail. A repeat changes nothing. Raises NotFound.
    """
    told, outcome = told_by(store, bounce.mail_id), bounce.report.outcome
    if outcome is BounceOutcome.DELAYED:
        _note(store, told, delayed(bounce.report.status))
    elif outcome is not BounceOutcome.IGNORED:
        _fail(store, told, returned(bounce.report.status))
    first = told[0]
    if outcome is BounceOutcome.SUPPRESSED and first.sent_to:
        _suppress(store, texts, first, bounce.report.status)
    return Recorded(outcome)


def _suppress(store: Store, texts: Texts, returned_one: Delivery, code: str) -> None:
    """Suppress an address, unless it is already, and tell its person so, in the inbox: but not of
    an address that the person has no more.
    """
    address, person_id = returned_one.sent_to, returned_one.person_id
    if store.suppression(address) is not None:
        return
    store.suppress(Suppression(address, person_id, returned_one.id, code, store.now))
    person = store.people([person_id]).get(person_id)
    if person and address_hash(person.email) == address:
        values: MailReturned = {"code": code}
        event_id, kind = f"{returned_one.id}:returned", Kind.MAIL_RETURNED
        notice = Notice(event_id, _FAILED, kind, values)
        notify(store, texts, [Addressed(notice, person_id)])


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
