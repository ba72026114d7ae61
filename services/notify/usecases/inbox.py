"""A person's messages and preferences."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from chassis.errors import NotFound, check
from services.notify.domain.bounces import address_hash
from services.notify.domain.messages import Message
from services.notify.domain.preferences import (
    Preferences,
    SetPreferences,
    changed,
    preferences,
    violations_of,
)
from services.notify.domain.standing import Standing, standing
from services.notify.ports import Store
from services.notify.usecases.digests import place_anew
from services.notify.usecases.standing import known_of


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Mark messages of a person as read."""

    person_id: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """The result of MarkRead: the number of messages that are still unread."""

    unread: int


def set_preferences(store: Store, command: SetPreferences) -> Preferences:
    """Store preferences, place anew what waits, and return all of them. Raises Invalid."""
    before = store.choices([command.person_id])[command.person_id]
    check(violations_of(before, command))
    choice = changed(before, command)
    store.put_choice(choice)
    place_anew(store, [choice.id])
    return get_preferences(store, choice.id)


def get_preferences(store: Store, person_id: str) -> Preferences:
    """Return a person's preferences, with defaults for categories without a choice, and whether
    mail to the person's address arrives.
    """
    found = preferences(store.choices([person_id])[person_id])
    person = store.people([person_id]).get(person_id)
    suppression = store.suppression(address_hash(person.email)) if person else None
    return replace(found, mail_returned_at=suppression.since) if suppression else found


def overtaken(store: Store, messages: Collection[Message]) -> set[str]:
    """Return the ids of those of these messages that newer news has overtaken."""
    known = known_of(store, messages)
    return {each.id for each in messages if standing(each, known, store.now) is Standing.OVERTAKEN}


def mark_read(store: Store, command: MarkRead) -> Read:
    """Mark messages as read. Raises NotFound, and changes nothing, if one isn't the person's."""
    wanted = set(command.message_ids)
    found = {message.id for message in store.messages(command.person_id, wanted)}
    if found != wanted:
        raise NotFound(f"no message {_named(sorted(wanted - found))} in this inbox")
    store.mark_read(wanted)
    return Read(store.unread(command.person_id))


def _named(message_ids: Sequence[str]) -> str:
    shown = ", ".join(message_ids[:5])
    return shown if len(message_ids) <= 5 else f"{shown} and {len(message_ids) - 5} more"
