"""Notifying people: notices go to their inboxes and into the queue for mail."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from services.notify.domain.enums import Channel
from services.notify.domain.messages import Notification, compose, outcome_of
from services.notify.domain.notices import Notice, channels_for, message_id
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Store, Writer
from services.notify.usecases.digests import Recipient, place, recipients_of
from services.notify.usecases.folds import fold
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


def notify(store: Store, texts: Writer, addressed: Sequence[Addressed]) -> list[str]:
    """Notify each person once; return the people who are not known yet. Nothing is kept for these:
    the caller does that, unless its events have waited until they were known.

    Store nothing for a person who left, chose no channel for the notice, or muted its run, nor for
    a notice that newer news has overtaken. A notice whose time is over is told quietly, or not at
    all if it lapses.
    """
    fresh = _still_to_tell(store, _not_notified(store, addressed))
    recipients = recipients_of(store, {one.person_id for one in fresh})
    present = {key for key, each in recipients.items() if each.person.retired_at is None}
    to_tell = [one for one in fresh if one.person_id in present]
    notifications = _notifications(store, texts, to_tell, recipients)
    if notifications:
        store.add_notifications(notifications)
        store.record_event(*_outcomes(notifications))
    return sorted({one.person_id for one in fresh} - recipients.keys())


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
    store: Store, texts: Writer, addressed: Sequence[Addressed], recipients: Mapping[str, Recipient]
) -> list[Notification]:
    wanted = [(one, _channels(store, one, recipients[one.person_id])) for one in addressed]
    shown = [one.person_id for one, channels in wanted if Channel.IN_APP in channels]
    numbers = iter(store.next_numbers(shown) if shown else ())
    notifications = []
    for one, channels in wanted:
        if channels:
            number = next(numbers) if Channel.IN_APP in channels else None
            notifications.append(
                _notification(store, texts, one, recipients[one.person_id], channels, number)
            )
    return _placed(store, notifications, recipients)


def _channels(store: Store, one: Addressed, to: Recipient) -> list[Channel]:
    notice, choice = one.notice, to.choice
    can_wait = one.quiet or not notice.is_urgent(store.now)
    if can_wait and notice.run_id in choice.muted_run_ids:
        return []
    return sorted(filter(to.has, channels_for(notice.kind, choice.categories, one.quiet)))


def _notification(
    store: Store,
    texts: Writer,
    one: Addressed,
    to: Recipient,
    channels: Sequence[Channel],
    number: int | None,
) -> Notification:
    notice, person = one.notice, to.person
    text = texts.write(notice.kind, person.language, person.zone, person.name, notice.values)
    return compose(notice, person.id, channels, text, number, store.now, one.quiet)


def _placed(
    store: Store, notifications: Sequence[Notification], recipients: Mapping[str, Recipient]
) -> list[Notification]:
    """Return notifications, with mail that waits for digests and folds."""
    every = chain.from_iterable(each.deliveries for each in notifications)
    placed = {each.id: each for each in fold(store, place(store, list(every), recipients))}
    return [
        replace(each, deliveries=tuple(placed[one.id] for one in each.deliveries))
        for each in notifications
    ]


def _outcomes(notifications: Iterable[Notification]) -> list[object]:
    outcomes = [
        outcome_of(delivery)
        for notification in notifications
        for delivery in notification.deliveries
    ]
    return [outcome for outcome in outcomes if outcome is not None]
