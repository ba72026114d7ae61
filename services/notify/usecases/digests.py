"""Which e-mail is sent at once, and which waits for a digest."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from chassis.civil import known_zone
from services.notify.domain.devices import Device
from services.notify.domain.digests import runs_of, values_of
from services.notify.domain.enums import BY_DEVICE, DIGESTS, Channel, DeliveryState, Frequency
from services.notify.domain.invitations import Invitation, newest_first
from services.notify.domain.messages import Delivery, Digest, Mail, Message, waiting_for
from services.notify.domain.notices import Text, digest_id
from services.notify.domain.people import Person, Run
from services.notify.domain.preferences import Choice
from services.notify.domain.schedule import Schedule
from services.notify.domain.values import DIGEST, FOLD, Written
from services.notify.ports import Store, Texts
from services.notify.usecases.reading import text_of


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person with what the person chose, and the devices at which the person gets messages."""

    person: Person
    choice: Choice
    devices: tuple[Device, ...] = ()

    def has(self, channel: Channel) -> bool:
        """Return whether messages can reach the person on a channel."""
        return channel not in BY_DEVICE or bool(self.on(channel))

    def on(self, channel: Channel) -> tuple[Device, ...]:
        """Return the devices of a channel."""
        return tuple(each for each in self.devices if each.channel is channel)

    def address(self, channel: Channel) -> str:
        """Return the e-mail address or the phone number; empty: there is none, or not one."""
        if channel is Channel.SMS:
            return next((each.number for each in self.on(channel)), "")
        return self.person.email if channel is Channel.EMAIL else ""

    @property
    def schedule(self) -> Schedule:
        """Return when the person gets e-mail."""
        return self.choice.schedule(known_zone(self.person.zone))


Box = tuple[str, Channel, Frequency]
"""A person, and what digests of the person are on the same channel and as often."""


def place(
    store: Store, deliveries: Sequence[Delivery], recipients: Mapping[str, Recipient]
) -> list[Delivery]:
    """Return queued deliveries, those for a digest waiting for the one that collects now."""
    boxes = {each.id: _box(each, recipients[each.person_id]) for each in deliveries}
    open_now = _open(store, {box for box in boxes.values() if box[2] in DIGESTS}, recipients)
    wanted = {
        each.id: open_now[boxes[each.id]] for each in deliveries if boxes[each.id] in open_now
    }
    store.count_in_digests(Counter(wanted.values()))
    return [waiting_for(each, wanted[each.id]) if each.id in wanted else each
            for each in deliveries]  # fmt: skip


def place_anew(store: Store, person_ids: Iterable[str]) -> None:
    """Place anew what waits, after people's choices or zones have changed.

    Folds of urgent changes go on. What was turned off stays where it is: it is not sent unless it
    is turned on again. A digest that is due or being sent keeps what it has. Mail that quiet hours
    hold is queued, and held again before it is sent if it is quiet then.
    """
    waiting = store.waiting(person_ids)
    before = store.digests({each.digest_id for each in waiting if each.digest_id})
    recipients = recipients_of(store, {each.person_id for each in waiting})
    closed = {key for key, each in before.items() if each.state is not DeliveryState.WAITING}
    free = [
        each
        for each in waiting
        if each.person_id in recipients
        and each.digest_id not in closed
        and not each.urgent
        and _frequency(each, recipients[each.person_id]) is not Frequency.OFF
    ]
    left = Counter(before[each.digest_id] for each in free if each.digest_id in before)
    store.count_in_digests({digest: -count for digest, count in left.items()})
    anew = [replace(each, state=DeliveryState.QUEUED, digest_id="", send_at=None) for each in free]
    store.put_waiting(place(store, anew, recipients))


def recipients_of(store: Store, person_ids: Collection[str]) -> dict[str, Recipient]:
    """Return those of these people who are known, with what they chose."""
    choices = store.choices(person_ids)
    devices = store.devices([key for key, each in choices.items() if each.uses_devices])
    return {
        key: Recipient(each, choices[key], devices.get(key, ()))
        for key, each in store.people(person_ids).items()
    }


def by_digest(
    due: Iterable[Digest], deliveries: Sequence[Delivery]
) -> dict[Digest, list[Delivery]]:
    """Return the deliveries of each of these digests; digests without one are left out."""
    found: dict[str, list[Delivery]] = {}
    for each in deliveries:
        found.setdefault(each.digest_id, []).append(each)
    return {digest: found[digest.id] for digest in due if digest.id in found}


def write(
    store: Store,
    texts: Texts,
    collected: Mapping[Digest, Sequence[Delivery]],
    people: Mapping[str, Person],
    invited: Mapping[str, tuple[Invitation, ...]],
) -> dict[str, Mail]:
    """Return the mails of digests with what they collected, by digest. `invited`: what calendar
    programs are told, by delivery.
    """
    ids = [each.message_id for deliveries in collected.values() for each in deliveries]
    messages = store.messages_by_id(ids)
    runs = store.replicas(Run, runs_of(messages.values()))
    titles = {key: run.title for key, run in runs.items()}

    def mail(digest: Digest, deliveries: Sequence[Delivery]) -> Mail:
        to, news = people[digest.person_id], [messages[each.message_id] for each in deliveries]
        parts = chain.from_iterable(invited.get(each.id, ()) for each in deliveries)
        text = _text(texts, digest, news, to, titles)
        return Mail(digest.id, to.email, text, store.now, newest_first(parts))

    return {digest.id: mail(digest, deliveries) for digest, deliveries in collected.items()}


def _text(
    texts: Texts,
    digest: Digest,
    news: Sequence[Message],
    to: Person,
    titles: Mapping[str, str],
) -> Text:
    """Return the text of a digest; of a fold of which one change is left, that of the change."""
    if digest.urgent and len(news) == 1:
        return text_of(texts.write_mail, news[0], to)
    written = {each.id: text_of(texts.write, each, to) for each in news}
    values = values_of(news, written, titles)
    kind: Written = FOLD if digest.urgent else DIGEST
    return texts.write_mail(kind, to.language, to.zone, to.name, {**values})


def _box(delivery: Delivery, recipient: Recipient) -> Box:
    can_wait = delivery.state is DeliveryState.QUEUED and not delivery.urgent
    often = _frequency(delivery, recipient) if can_wait else Frequency.IMMEDIATE
    return delivery.person_id, delivery.channel, often


def _frequency(delivery: Delivery, recipient: Recipient) -> Frequency:
    return recipient.choice.frequency(delivery.category, delivery.channel)


def _open(
    store: Store, boxes: Collection[Box], recipients: Mapping[str, Recipient]
) -> dict[Box, Digest]:
    """Return the digests that collect now: of the present window, or if that digest is due or sent
    already, because this unit of work began before its window ended, of the next.
    """
    found: dict[Box, Digest] = {}
    after = dict.fromkeys(boxes, store.now)
    while after:
        tried = {}
        for box, at in after.items():
            person_id, channel, often = box
            end = recipients[person_id].schedule.send_at(often, at)
            tried[box] = Digest(digest_id(person_id, channel, end), person_id, channel, end)
        known = store.digests({each.id for each in tried.values()})
        closed = {key for key, each in known.items() if each.state is not DeliveryState.WAITING}
        found |= {box: known.get(each.id, each) for box, each in tried.items()
                  if each.id not in closed}  # fmt: skip
        after = {box: each.send_at for box, each in tried.items() if each.id in closed}
    return found
