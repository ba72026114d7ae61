"""Sending queued mail at most once (docs/decisions/0019)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notify.domain.bounces import address_hash
from services.notify.domain.messages import (
    EXPIRED,
    LEFT,
    NO_PERSON,
    SUPPRESSED,
    UNKNOWN,
    UNWANTED,
    VANISHED,
    Delivery,
    Mail,
    Message,
    SendResult,
    after_attempt,
    failed,
    has_expired,
    is_wanted,
    outcome_of,
)
from services.notify.domain.people import Person, has_left
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Batch, Store, Texts
from services.notify.usecases.reading import text_of
from services.notify.usecases.standing import known_of

Again = Callable[[int], datetime]
"""Returns when the next attempt after so many is due."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The state of a batch before any of it is sent."""

    outgoing: tuple[tuple[Delivery, Mail], ...]
    """The mails to send now."""
    abandoned: int
    """The number of mails that an earlier worker may have sent; they are given up."""
    withheld: int
    """The number of mails that are no longer wanted."""


def begin(store: Store, texts: Texts, batch: Batch) -> Begun:
    """Mark the mails of a batch that will be sent now, and finish the others.

    If the process ends after this, it is unknown whether a mail was sent, and it is not sent again.
    """
    deliveries = store.claimed(batch)
    people = store.people({each.person_id for each in deliveries})
    reasons = _reasons(store, deliveries, people)
    _finish(store, [failed(each, store.now, reasons[each.id]) for each in deliveries
                    if each.id in reasons])  # fmt: skip
    wanted = [each for each in deliveries if each.id not in reasons]
    messages = store.messages_by_id({each.message_id for each in wanted})
    outgoing = tuple(
        (each, _mail(texts, each, messages[each.message_id], people[each.person_id]))
        for each in wanted
    )
    store.begin_sending({each.id: address_hash(mail.to) for each, mail in outgoing})
    abandoned = sum(each.sending for each in deliveries)
    return Begun(outgoing, abandoned, len(reasons) - abandoned)


def record_results(
    store: Store, batch: Batch, results: Mapping[str, SendResult], most: int, again: Again
) -> int:
    """Store the results of a batch's attempts; return how many deliveries are finished.

    `most`: the largest number of attempts. Mails without a result were not tried; they are due now.
    """
    deliveries = store.claimed(batch)
    after = [
        after_attempt(each, results[each.id], store.now, most) for each in deliveries
        if each.id in results
    ]  # fmt: skip
    finished = [each for each in after if each.finished_at is not None]
    _finish(store, finished)
    store.queue_again({each: again(each.attempts) for each in after if each.finished_at is None})
    store.give_back([each.id for each in deliveries if each.id not in results])
    return len(finished)


def _reasons(
    store: Store, deliveries: Sequence[Delivery], people: Mapping[str, Person]
) -> dict[str, str]:
    """Return the reasons why deliveries are not sent, by id; all others are to be sent."""
    known = known_of(store, deliveries)
    chosen = store.chosen({each.person_id for each in deliveries})
    suppressed = store.suppressed({address_hash(each.email) for each in people.values()})
    places = store.enrolments_of({(each.run_id, each.person_id) for each in deliveries})

    def reason(each: Delivery) -> str:
        if each.sending:
            return UNKNOWN
        if standing(each, known, store.now) is not Standing.STANDS:
            return VANISHED
        if not is_wanted(each, chosen.get(each.person_id, {})):
            return UNWANTED
        if has_left(places.get((each.run_id, each.person_id), ())):
            return LEFT
        if has_expired(each, store.now):
            return EXPIRED
        person = people.get(each.person_id)
        if person is None or person.retired_at is not None:
            return NO_PERSON
        return SUPPRESSED if address_hash(person.email) in suppressed else ""

    found = {each.id: reason(each) for each in deliveries}
    return {delivery_id: text for delivery_id, text in found.items() if text}


def _mail(texts: Texts, delivery: Delivery, message: Message, person: Person) -> Mail:
    """Return the mail of a delivery, to the person's address of now."""
    text = text_of(texts.write_mail, message, person)
    return Mail(delivery.id, person.email, text, message.created_at)


def _finish(store: Store, deliveries: Sequence[Delivery]) -> None:
    """Store finished deliveries, and record their events."""
    store.finish(deliveries)
    outcomes = [outcome_of(each) for each in deliveries]
    store.record_event(*(outcome for outcome in outcomes if outcome is not None))
