"""What is told, to whom, and by which channels."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.domain.enums import Category, Channel, Kind

# Fixed for ever: ids made with it are what keeps a repeat from telling twice.
_NAMESPACE = uuid.UUID("5f0c1d9e-7a34-4c52-9b8e-0f6a3d2b7c41")
BOTH = frozenset(Channel)
QUIET = frozenset({Channel.IN_APP})
NOTHING_CHOSEN: Mapping[Category, frozenset[Channel]] = {}


class NotKnownYet(Exception):
    """Something that another service has told, but that has not arrived here."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind of notice is told unless a person wants it otherwise."""

    category: Category
    channels: frozenset[Channel] = BOTH
    urgent: bool = False


RULES: Mapping[Kind, Rule] = {
    Kind.ENROLMENT_PROMOTED: Rule(Category.ENROLMENT),
    Kind.SESSION_MOVED: Rule(Category.SESSION, urgent=True),
    Kind.SESSION_CANCELLED: Rule(Category.SESSION, urgent=True),
    Kind.SEAT_PROMOTED: Rule(Category.SEAT),
    Kind.CATCH_UP_ASSIGNED: Rule(Category.CATCH_UP),
    # Who has just studied it knows; the inbox keeps the record.
    Kind.CATCH_UP_COMPLETED: Rule(Category.CATCH_UP, channels=QUIET),
    Kind.CATCH_UP_MISSED: Rule(Category.CATCH_UP),
    Kind.DUE_EXTENDED: Rule(Category.DEADLINE),
    Kind.REMINDER: Rule(Category.REMINDER),
}


@dataclass(frozen=True, slots=True)
class Appointment:
    """A session at its time and place: what a reminder reminds of, and stands or falls with."""

    session_id: str
    start_time: datetime
    room: str | None = None
    """None: not told, as in what an older version wrote."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told, before it is put into words for anyone."""

    event_id: str
    event_type: str
    kind: Kind
    values: Mapping[str, Any]
    """What the template speaks of: text, instants, numbers, lists of text."""
    reminds_of: Appointment | None = None
    run_id: str = ""
    """The run of which it tells; empty: none."""

    @property
    def rule(self) -> Rule:
        """How it is told by default."""
        return RULES[self.kind]


@dataclass(frozen=True, slots=True)
class Text:
    """A notice in words."""

    title: str
    """One line."""
    body: str


def message_id(event_id: str, person_id: str) -> str:
    """The id of the one message about an event to a person."""
    return _id("message", event_id, person_id)


def delivery_id(event_id: str, person_id: str, channel: Channel) -> str:
    """The id of the one delivery of an event's message to a person on a channel."""
    return _id("delivery", event_id, person_id, channel)


def channels_for(
    kind: Kind, chosen: Mapping[Category, Iterable[Channel]] = NOTHING_CHOSEN
) -> frozenset[Channel]:
    """How a notice reaches a person who chose so; empty: not at all.

    A choice holds for every kind of its category. What can't wait is in the inbox whatever was
    chosen, so that nobody stands before a locked room for want of a line.
    """
    rule = RULES[kind]
    wanted = frozenset(chosen.get(rule.category, rule.channels))
    return wanted | QUIET if rule.urgent else wanted


def _id(*parts: str) -> str:
    # Each part is told with its length: ("a", "bc") and ("ab", "c") are two things.
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
