"""Notices: what people are notified of, and by which channels."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.domain.enums import Category, Channel, Kind

# It must never change: the ids made with it prevent that a repeated event notifies twice.
_NAMESPACE = uuid.UUID("5f0c1d9e-7a34-4c52-9b8e-0f6a3d2b7c41")
BOTH = frozenset(Channel)
QUIET = frozenset({Channel.IN_APP})
NOTHING_CHOSEN: Mapping[Category, frozenset[Channel]] = {}


class NotKnownYet(Exception):
    """Data of another service that have not arrived here yet."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind of notice is delivered."""

    category: Category
    quiet: bool = False
    """True if it comes to the inbox only, whatever was chosen."""
    urgent: bool = False


RULES: Mapping[Kind, Rule] = {
    Kind.ENROLMENT_PROMOTED: Rule(Category.ENROLMENT),
    Kind.SESSION_MOVED: Rule(Category.SESSION, urgent=True),
    Kind.SESSION_CANCELLED: Rule(Category.SESSION, urgent=True),
    Kind.SESSION_NOT_HELD: Rule(Category.SESSION),
    Kind.SEAT_PROMOTED: Rule(Category.SEAT),
    Kind.CATCH_UP_ASSIGNED: Rule(Category.CATCH_UP),
    # The learner has just studied it, so there is no e-mail; the inbox keeps a record.
    Kind.CATCH_UP_COMPLETED: Rule(Category.CATCH_UP, quiet=True),
    Kind.CATCH_UP_MISSED: Rule(Category.CATCH_UP),
    Kind.DUE_EXTENDED: Rule(Category.DEADLINE),
    Kind.REMINDER: Rule(Category.REMINDER),
}


@dataclass(frozen=True, slots=True)
class Appointment:
    """A session at its time and place: a reminder of it is valid only while both are unchanged."""

    session_id: str
    start_time: datetime
    room: str | None = None
    """None: unknown, as in documents of an older version."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, before it is written as text for a person."""

    event_id: str
    event_type: str
    kind: Kind
    values: Mapping[str, Any]
    """The values for the template: texts, instants, numbers, lists of texts."""
    reminds_of: Appointment | None = None
    run_id: str = ""
    """The run that the notice is about; empty: none."""

    @property
    def rule(self) -> Rule:
        """Return how the notice is delivered by default."""
        return RULES[self.kind]


@dataclass(frozen=True, slots=True)
class Text:
    """A notice as text."""

    title: str
    """One line."""
    body: str


def message_id(event_id: str, person_id: str) -> str:
    """Return the id of the one message about an event to a person."""
    return _id("message", event_id, person_id)


def delivery_id(event_id: str, person_id: str, channel: Channel) -> str:
    """Return the id of the one delivery of an event's message to a person on a channel."""
    return _id("delivery", event_id, person_id, channel)


def channels_for(
    kind: Kind,
    chosen: Mapping[Category, Iterable[Channel]] = NOTHING_CHOSEN,
    quiet: bool = False,
) -> frozenset[Channel]:
    """Return the channels of a notice for a person's choice; empty: none.

    Without a choice a category has every channel. A notice that is quiet, by its kind or (`quiet`)
    for this person, uses of its category's channels the inbox only. Other urgent notices always go
    to the inbox, whatever was chosen.
    """
    rule = RULES[kind]
    wanted = frozenset(chosen.get(rule.category, BOTH))
    if quiet or rule.quiet:
        return wanted & QUIET
    return wanted | QUIET if rule.urgent else wanted


def _id(*parts: str) -> str:
    # Each part is written with its length, so that ("a", "bc") and ("ab", "c") differ.
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
