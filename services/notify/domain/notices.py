"""Notices: what people are notified of, and by which channels."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.notify.domain.enums import Category, Channel, Kind

# It must never change: the ids made with it prevent that a repeated event notifies twice.
_NAMESPACE = uuid.UUID("5f0c1d9e-7a34-4c52-9b8e-0f6a3d2b7c41")
# The channels of who chose nothing. A channel that is added later is not among them: nobody hears
# by it who did not choose it.
BY_DEFAULT = frozenset({Channel.IN_APP, Channel.EMAIL})
QUIET = frozenset({Channel.IN_APP})
# By mail it would not arrive.
IN_INBOX = frozenset({Category.ACCOUNT})
"""The categories that have the inbox only, without a choice."""
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
    """True if it can't wait; but only until the start of its class."""
    lapses: bool = False
    """True if it is not told at all when its time is over; others are then told quietly."""


RULES: Mapping[Kind, Rule] = {
    Kind.ENROLMENT_PROMOTED: Rule(Category.ENROLMENT),
    Kind.SESSION_MOVED: Rule(Category.SESSION, urgent=True),
    Kind.SESSION_CANCELLED: Rule(Category.SESSION, urgent=True),
    Kind.SERIES_MOVED: Rule(Category.SESSION, urgent=True),
    Kind.SERIES_CANCELLED: Rule(Category.SESSION, urgent=True),
    Kind.SESSION_NOT_HELD: Rule(Category.SESSION),
    # The instructor can find another room for the class, or wait.
    Kind.MEETING_FAILED: Rule(Category.SESSION, urgent=True, lapses=True),
    Kind.MEETING_MADE: Rule(Category.SESSION, urgent=True, lapses=True),
    Kind.SEAT_PROMOTED: Rule(Category.SEAT),
    Kind.SEAT_SWAPPED: Rule(Category.SEAT),
    # There is little time to answer; after it, nothing can be done.
    Kind.SEAT_OFFERED: Rule(Category.SEAT, urgent=True, lapses=True),
    Kind.HELP_INVITED: Rule(Category.SEAT, lapses=True),
    Kind.CATCH_UP_ASSIGNED: Rule(Category.CATCH_UP),
    Kind.CATCH_UP_CHANGED: Rule(Category.CATCH_UP),
    # The learner has just studied it, so there is no e-mail; the inbox keeps a record.
    Kind.CATCH_UP_COMPLETED: Rule(Category.CATCH_UP, quiet=True),
    Kind.CATCH_UP_MISSED: Rule(Category.CATCH_UP),
    Kind.DUE_EXTENDED: Rule(Category.DEADLINE),
    Kind.DUE_APPROACHING: Rule(Category.DEADLINE, lapses=True),
    Kind.DUE_MISSED: Rule(Category.DEADLINE),
    Kind.DUES_CHANGED: Rule(Category.DEADLINE),
    Kind.ACTIVITIES_OPENED: Rule(Category.ACTIVITY, lapses=True),
    Kind.QUESTION_ANSWERED: Rule(Category.QUESTION),
    Kind.QUESTION_CARRIED_OVER: Rule(Category.QUESTION),
    Kind.QUESTIONS_WAITING: Rule(Category.QUESTION),
    # Who has fallen behind is not to be pressed.
    Kind.FELL_BEHIND: Rule(Category.PROGRESS, lapses=True),
    Kind.LEARNERS_FELL_BEHIND: Rule(Category.PROGRESS, lapses=True),
    Kind.REMINDER: Rule(Category.REMINDER, lapses=True),
    Kind.MAIL_RETURNED: Rule(Category.ACCOUNT),
}


@dataclass(frozen=True, slots=True)
class About:
    """What a notice tells of (a session, series, offer, catch-up, due, question or fall), as it was
    then; see domain/standing.py.
    """

    kind: Kind = Kind.REMINDER
    """The kind of the notice. The older version had this of reminders only."""
    session_id: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    """When its time is over: the end of a class or of an offer, a deadline."""
    room: str | None = None
    """None: unknown."""
    catch_up_id: str = ""
    sequence: int = 0
    """The version of the session, series, offer, catch-up, due, question or fall."""
    due_id: str = ""
    series_id: str = ""
    offer_id: str = ""
    enrolment_id: str = ""
    """Of dues that changed: whose they are."""
    activity_ids: tuple[str, ...] = ()
    """Of dues that changed: the activities."""
    question_id: str = ""
    fall_id: str = ""
    listed: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Of what lists questions or falls: the version of each by id; empty: there are too many."""
    to_staff: bool = False
    """Whether it is told to the person as one of the run's staff."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, before it is written as text for a person."""

    event_id: str
    event_type: str
    kind: Kind
    values: Mapping[str, Any]
    """The values for the template, as domain/values.py declares them for the kind."""
    about: About | None = None
    """What the notice tells of; None: nothing that could change, or a notice of an older
    version."""
    run_id: str = ""
    """The run that the notice is about; empty: none."""

    @property
    def rule(self) -> Rule:
        """Return how the notice is delivered by default."""
        return RULES[self.kind]

    def is_urgent(self, now: datetime) -> bool:
        """Return whether it can't wait: its class is still to come."""
        start = self.about.start_time if self.about else None
        return self.rule.urgent and (start is None or now < start)


@dataclass(frozen=True, slots=True)
class Text:
    """A notice as text."""

    title: str
    """One line."""
    body: str
    language: str = ""
    """A language tag (BCP 47); empty: unknown, of a message of an older version."""
    html: str = ""
    """The same as a page of HTML; empty: not asked for, or a message of an older version."""


def message_id(event_id: str, person_id: str) -> str:
    """Return the id of the one message about an event to a person."""
    return _id("message", event_id, person_id)


def delivery_id(event_id: str, person_id: str, channel: Channel) -> str:
    """Return the id of the one delivery of an event's message to a person on a channel."""
    return _id("delivery", event_id, person_id, channel)


def digest_id(person_id: str, channel: Channel, window_end: datetime) -> str:
    """Return the id of the one digest of a person on a channel whose window ends at an instant."""
    return _id("digest", person_id, channel, window_end.astimezone(UTC).isoformat())


def fold_id(person_id: str, end: datetime) -> str:
    """Return the id of the one fold of a person that ends at an instant."""
    return _id("fold", person_id, end.astimezone(UTC).isoformat())


def default_channels(category: Category) -> frozenset[Channel]:
    """Return the channels of a category for who chose nothing."""
    return QUIET if category in IN_INBOX else BY_DEFAULT


def channels_for(
    kind: Kind,
    chosen: Mapping[Category, Iterable[Channel]] = NOTHING_CHOSEN,
    quiet: bool = False,
) -> frozenset[Channel]:
    """Return the channels of a notice for a person's choice; empty: none.

    Without a choice a category has its default channels. A notice that is quiet, by its kind
    or (`quiet`) for this person, uses of its category's channels the inbox only. Other urgent
    notices always go to the inbox, whatever was chosen.
    """
    rule = RULES[kind]
    wanted = frozenset(chosen.get(rule.category, default_channels(rule.category)))
    if quiet or rule.quiet:
        return wanted & QUIET
    return wanted | QUIET if rule.urgent else wanted


def _id(*parts: str) -> str:
    # Each part is written with its length, so that ("a", "bc") and ("ab", "c") differ.
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
