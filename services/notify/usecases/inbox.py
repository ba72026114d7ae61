"""What a person does with messages and preferences."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import NotFound, check
from services.notify.domain.preferences import (
    CategoryPreference,
    Preferences,
    preferences,
    violations_of,
)
from services.notify.ports import Store


@dataclass(frozen=True, slots=True)
class SetPreferences:
    """What a person wants to hear from now; categories that are not named stay."""

    person_id: str
    categories: tuple[CategoryPreference, ...]


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Messages that a person has read."""

    person_id: str
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Unread messages that are left."""

    unread: int


def set_preferences(store: Store, command: SetPreferences) -> Preferences:
    """Keep a choice. Raises Invalid when a category is named twice."""
    check(violations_of(command.categories))
    store.choose(command.person_id, command.categories)
    return get_preferences(store, command.person_id)


def get_preferences(store: Store, person_id: str) -> Preferences:
    """What a person wants to hear, defaults filled in."""
    return preferences(person_id, store.chosen([person_id]).get(person_id, {}))


def mark_read(store: Store, command: MarkRead) -> Read:
    """Mark messages as read. Raises NotFound, with nothing changed, when one isn't the person's."""
    wanted = set(command.message_ids)
    found = {message.id for message in store.messages(command.person_id, wanted)}
    if found != wanted:
        raise NotFound(f"no message {_named(sorted(wanted - found))} in this inbox")
    store.mark_read(wanted)
    return Read(store.unread(command.person_id))


def _named(message_ids: Sequence[str]) -> str:
    shown = ", ".join(message_ids[:5])
    return shown if len(message_ids) <= 5 else f"{shown} and {len(message_ids) - 5} more"
