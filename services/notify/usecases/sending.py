"""Sending what is queued at most once (docs/decisions/0019): mail, digests (docs/decisions/0086),
text messages and notifications in browsers (docs/decisions/0096).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from services.notify.domain.bounces import Suppression, address_hash
from services.notify.domain.enums import Channel
from services.notify.domain.invitations import Invitation
from services.notify.domain.messages import (
    EMPTY,
    EXPIRED,
    NO_DEVICE,
    NO_PERSON,
    SUPPRESSED,
    UNKNOWN,
    VANISHED,
    Delivery,
    Digest,
    Mail,
    Message,
    S,
    SendResult,
    Sent,
    after_attempt,
    failed,
    finished_with,
    has_expired,
    outcome_of,
    unwanted_by,
)
from services.notify.domain.notices import Text
from services.notify.domain.readers import not_for
from services.notify.domain.short import Push, Sms, push_of, sms_of
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Batch, Store, Texts
from services.notify.usecases import digests
from services.notify.usecases.digests import Recipient, recipients_of
from services.notify.usecases.invitations import invitations_for
from services.notify.usecases.reading import text_of
from services.notify.usecases.standing import known_of

Again = Callable[[int], datetime]
"""Returns when the next attempt after so many is due."""


M = TypeVar("M", Mail, Sms, Push)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told to whom."""

    delivery: Delivery
    message: Message
    to: Recipient


Write = Callable[[Store, Texts, Sequence[Told]], list[M]]
"""Returns what is sent for each: a mail, a text message or a notification."""


@dataclass(frozen=True, slots=True)
class Begun(Generic[M]):
    """The state of a batch before any of it is sent."""

    outgoing: tuple[tuple[Sent, M], ...]
    """What to send now."""
    abandoned: int
    """The number of mails that an earlier worker may have sent; they are given up."""
    withheld: int
    """The number of messages that are no longer wanted by mail."""
    done: int
    """The number of the batch's jobs that are done: nothing is sent for them, or only later."""


def begin(store: Store, texts: Texts, batch: Batch) -> Begun[Mail]:
    """Mark the mails of a batch that will be sent now, and finish or hold the others.

    If the process ends after this, it is unknown whether a mail was sent, and it is not sent again.
    """
    return _begin(store, texts, batch, Channel.EMAIL, _mails)


def begin_sms(store: Store, texts: Texts, batch: Batch) -> Begun[Sms]:
    """Begin as `begin` does, for text messages to the numbers of now."""
    return _begin(store, texts, batch, Channel.SMS, _text_messages)


def begin_push(store: Store, texts: Texts, batch: Batch) -> Begun[Push]:
    """Begin as `begin` does, for notifications in the browsers of now."""
    return _begin(store, texts, batch, Channel.PUSH, _pushes)


def _begin(store: Store, texts: Texts, batch: Batch, channel: Channel, write: Write[M]) -> Begun[M]:
    """Mark the deliveries of a batch that will be sent now, and finish or hold the others."""
    claimed = store.claimed(Delivery, batch)
    # A worker of a version before text messages queues what quiet hours held as mail.
    store.queue_in_own_lane([each for each in claimed if each.channel is not channel])
    ours = [each for each in claimed if each.channel is channel]
    recipients = recipients_of(store, {each.person_id for each in ours})
    left = _set_aside(store, ours, recipients)
    wanted = _wanted(store, left, recipients)
    messages = store.messages_by_id({each.message_id for each in wanted})
    told = [Told(each, messages[each.message_id], recipients[each.person_id]) for each in wanted]
    outgoing = tuple(zip(wanted, write(store, texts, told), strict=True))
    store.begin_sending(wanted, _sent_to(wanted, recipients))
    return _begun(claimed, outgoing, len(left) - len(wanted))


def begin_digests(store: Store, texts: Texts, batch: Batch) -> Begun[Mail]:
    """Mark the digests of a batch that will be sent now, and write their mails; finish those of
    which nothing is left to tell, and hold the others.

    What a digest collected and is not to be told any more is finished alone.
    """
    claimed = store.claimed(Digest, batch)
    recipients = recipients_of(store, {each.person_id for each in claimed})
    left = _set_aside(store, claimed, recipients)
    collected = store.collected(left)
    wanted = _wanted(store, collected, recipients)
    told = digests.by_digest(left, wanted)
    _finish(store, [failed(each, store.now, EMPTY) for each in left if each not in told])
    folded = [each for digest, some in told.items() if digest.urgent for each in some]
    invited = _invited(store, folded, recipients)
    people = {key: one.person for key, one in recipients.items()}
    mails = digests.write(store, texts, told, people, invited)
    store.begin_sending(list(told), _sent_to(wanted, recipients))
    outgoing = tuple((each, mails[each.id]) for each in told)
    return _begun(claimed, outgoing, len(collected) - len(wanted))


def record_results(
    store: Store,
    kind: type[S],
    batch: Batch,
    results: Mapping[str, SendResult],
    most: int,
    again: Again,
) -> int:
    """Store the results of a batch's attempts; return how many jobs are finished.

    `most`: the largest number of attempts. Mails without a result were not tried; they are due now.
    """
    claimed = store.claimed(kind, batch)
    after = [
        after_attempt(each, results[each.id], store.now, most) for each in claimed
        if each.id in results
    ]  # fmt: skip
    finished = [each for each in after if each.finished_at is not None]
    _finish(store, finished)
    store.queue_again(
        {
            each: again(each.attempts) + timedelta(seconds=results[each.id].retry_after)
            for each in after
            if each.finished_at is None
        }
    )
    _leave_alone(store, claimed, results)
    store.give_back([each for each in claimed if each.id not in results])
    return len(finished)


def _leave_alone(store: Store, claimed: Sequence[Sent], results: Mapping[str, SendResult]) -> None:
    """Remove devices that are no more, and suppress numbers that take no messages."""
    store.remove_devices(id_ for result in results.values() for id_ in result.gone)
    for each in claimed:
        code = results[each.id].suppressed if each.id in results else ""
        if code and isinstance(each, Delivery):
            store.suppress(Suppression(each.sent_to, each.person_id, each.id, code, store.now))


def _begun(
    claimed: Sequence[Sent], outgoing: tuple[tuple[Sent, M], ...], withheld: int
) -> Begun[M]:
    abandoned = sum(each.sending for each in claimed)
    return Begun(outgoing, abandoned, withheld, len(claimed) - len(outgoing))


def _set_aside(store: Store, claimed: Sequence[S], recipients: Mapping[str, Recipient]) -> list[S]:
    """Give up what may have been sent, and hold what its person has quiet hours for; return the
    rest.
    """
    _finish(store, [failed(each, store.now, UNKNOWN) for each in claimed if each.sending])
    quiet = {
        each: until
        for each in claimed
        if not each.sending and (until := _quiet_until(store, each, recipients))
    }
    store.hold(quiet)
    return [each for each in claimed if not each.sending and each not in quiet]


def _quiet_until(store: Store, sent: Sent, recipients: Mapping[str, Recipient]) -> datetime | None:
    """Return until when something has to wait for its person's quiet hours; None: it need not."""
    to = recipients.get(sent.person_id)
    if to is None or sent.urgent:
        return None
    until = to.schedule.quiet_until(store.now)
    return until if until > store.now else None


def _wanted(
    store: Store, deliveries: Sequence[Delivery], recipients: Mapping[str, Recipient]
) -> list[Delivery]:
    """Finish deliveries that are not to be sent any more; return the rest."""
    reasons = _reasons(store, deliveries, recipients)
    gone = [each for each in deliveries if each.id in reasons]
    # What was put off before was sent to nobody.
    unsent = [replace(each, sent_to="") for each in gone]
    _finish(store, [failed(each, store.now, reasons[each.id]) for each in unsent])
    return [each for each in deliveries if each.id not in reasons]


def _reasons(
    store: Store, deliveries: Collection[Delivery], recipients: Mapping[str, Recipient]
) -> dict[str, str]:
    """Return the reasons why deliveries are not to be sent any more, by id."""
    known = known_of(store, deliveries)
    suppressed = store.suppressed({*_sent_to(deliveries, recipients).values()})
    places = store.enrolments_of({(each.run_id, each.person_id) for each in deliveries})

    def reason(each: Delivery) -> str:
        to = recipients.get(each.person_id)
        if standing(each, known, store.now) is not Standing.STANDS:
            return VANISHED
        if to and (unwanted := unwanted_by(to.choice, each)):
            return unwanted
        if gone := not_for(each, known, places.get((each.run_id, each.person_id), ())):
            return gone
        if has_expired(each, store.now):
            return EXPIRED
        if to is None or to.person.retired_at is not None:
            return NO_PERSON
        if not to.has(each.channel):
            return NO_DEVICE
        return SUPPRESSED if address_hash(to.address(each.channel)) in suppressed else ""

    found = {each.id: reason(each) for each in deliveries}
    return {delivery_id: text for delivery_id, text in found.items() if text}


def _invited(
    store: Store, deliveries: Sequence[Delivery], recipients: Mapping[str, Recipient]
) -> Mapping[str, tuple[Invitation, ...]]:
    """Return what mails tell calendar programs, by delivery, of people who want that."""
    for_programs = [each for each in deliveries if recipients[each.person_id].choice.calendar_parts]
    return invitations_for(store, for_programs)


def _mails(store: Store, texts: Texts, told: Sequence[Told]) -> list[Mail]:
    """Return mails to the people's addresses of now, with what calendar programs read."""
    deliveries, recipients = (
        [each.delivery for each in told],
        {each.delivery.person_id: each.to for each in told},
    )
    invited = _invited(store, deliveries, recipients)
    return [_mail(texts, each, invited.get(each.delivery.id, ())) for each in told]


def _mail(texts: Texts, told: Told, invitations: tuple[Invitation, ...]) -> Mail:
    delivery, message, person = told.delivery, told.message, told.to.person
    text = text_of(texts.write_mail, message, person)
    # Its date is the same at each attempt, and not that of the evening before quiet hours: mail
    # programs would show it below what is read already.
    return Mail(delivery.id, person.email, text, delivery.due_since, invitations)


def _text_messages(_: Store, texts: Texts, told: Sequence[Told]) -> list[Sms]:
    """Return text messages to the people's numbers of now."""
    return [
        sms_of(each.delivery, _short(texts, each), each.to.address(Channel.SMS)) for each in told
    ]


def _pushes(store: Store, texts: Texts, told: Sequence[Told]) -> list[Push]:
    """Return notifications for the people's browsers of now."""
    return [
        push_of(
            each.delivery, each.message, _short(texts, each), each.to.on(Channel.PUSH), store.now
        )
        for each in told
    ]


def _short(texts: Texts, told: Told) -> Text:
    """Return what is told as it is written for the inbox."""
    return text_of(texts.write, told.message, told.to.person)


def _sent_to(
    deliveries: Collection[Delivery], recipients: Mapping[str, Recipient]
) -> dict[Delivery, str]:
    """Return the hashes of the addresses, or numbers, to which deliveries are sent; browsers have
    none.
    """
    found = {
        each: to.address(each.channel)
        for each in deliveries
        if (to := recipients.get(each.person_id))
    }
    return {each: address_hash(address) for each, address in found.items() if address}


def _finish(store: Store, finished: Sequence[Sent]) -> None:
    """Store what is finished, with what digests collected, and record the events."""
    whole = {each.id: each for each in finished if isinstance(each, Digest)}
    alone = [each for each in finished if isinstance(each, Delivery)]
    collected = store.collected(list(whole.values()))
    deliveries = alone + [finished_with(each, whole[each.digest_id]) for each in collected]
    store.finish(list(whole.values()))
    store.finish(deliveries)
    outcomes = [outcome_of(each) for each in deliveries]
    store.record_event(*(outcome for outcome in outcomes if outcome is not None))
