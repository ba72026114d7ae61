"""Notifying people: notices go to their inboxes and into the queue for mail."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.notify.domain.enums import Channel
from services.notify.domain.messages import Notification, compose, outcome_of
from services.notify.domain.notices import Notice, channels_for, message_id
from services.notify.domain.people import Person
from services.notify.domain.preferences import Chosen
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Store, Texts
from services.notify.usecases.standing import known_of


@dataclass(frozen=True, slots=True)
class Addressed:
    """A notice and the person whom it is for."""

    notice: Notice
    person_id: str
    quiet: bool = False
    """True if it is told to this person in the inbox only, and not urgently."""

    @property
    def id(self) -> str:
        """Return the id of the message."""
        return message_id(self.notice.event_id, self.person_id)


def notify(store: Store, texts: Texts, addressed: Sequence[Addressed]) -> list[str]:
    """Notify each person once; return the people who are not known yet.

    Store nothing for a person who left or chose no channel for the notice, nor for a notice that
    newer news has overtaken. A notice whose time is over is told quietly, or not at all if it
    lapses.
    """
    fresh = _still_to_tell(store, _not_notified(store, addressed))
    people = store.people({one.person_id for one in fresh})
    present = {each.id for each in people.values() if each.retired_at is None}
    to_tell = [one for one in fresh if one.person_id in present]
    notifications = _notifications(store, texts, to_tell, people)
    if notifications:
        store.add_notifications(notifications)
        store.record_event(*_outcomes(notifications))
    return sorted({one.person_id for one in fresh} - people.keys())


def _not_notified(store: Store, addressed: Iterable[Addressed]) -> list[Addressed]:
    by_id = {one.id: one for one in addressed}
    existing = store.existing_messages(by_id) if by_id else set()
    return [one for message, one in by_id.items() if message not in existing]


def _still_to_tell(store: Store, addressed: Sequence[Addressed]) -> list[Addressed]:
    known = known_of(store, [one.notice for one in addressed])
    left = []
    for one in addressed:
        found = standing(one.notice, known, store.now)
        if found is Standing.STANDS:
            left.append(one)
        elif found is Standing.OVER and not one.notice.rule.lapses:
            left.append(replace(one, quiet=True))
    return left


def _notifications(
    store: Store, texts: Texts, addressed: Sequence[Addressed], people: Mapping[str, Person]
) -> list[Notification]:
    chosen = store.chosen(people)
    wanted = [(one, _channels(one, chosen)) for one in addressed]
    shown = [one.person_id for one, channels in wanted if Channel.IN_APP in channels]
    numbers = iter(store.next_numbers(shown) if shown else ())
    notifications = []
    for one, channels in wanted:
        if channels:
            number = next(numbers) if Channel.IN_APP in channels else None
            notifications.append(
                _notification(store, texts, one, people[one.person_id], channels, number)
            )
    return notifications


def _channels(one: Addressed, chosen: Mapping[str, Chosen]) -> list[Channel]:
    return sorted(channels_for(one.notice.kind, chosen.get(one.person_id, {}), one.quiet))


def _notification(
    store: Store,
    texts: Texts,
    one: Addressed,
    person: Person,
    channels: Sequence[Channel],
    number: int | None,
) -> Notification:
    notice = one.notice
    text = texts.write(notice.kind, person.language, person.zone, person.name, notice.values)
    return compose(notice, person.id, channels, text, number, store.now, one.quiet)


def _outcomes(notifications: Iterable[Notification]) -> list[object]:
    outcomes = [
        outcome_of(delivery)
        for notification in notifications
        for delivery in notification.deliveries
    ]
    return [outcome for outcome in outcomes if outcome is not None]
