"""Reads Tandem's events: each is handled once, retried or a dead letter, and gaps are filled."""

from tandem_events.attempt import DeadLetter
from tandem_events.event import Event, OtherTypeError, UnreadableError, read
from tandem_events.history import History
from tandem_events.inbox import Gap, HandlerError, Inbox, SqliteInbox
from tandem_events.refilling import InboxWithGaps, Refilled, Source, refill
from tandem_events.subscriber import Subscriber

__all__ = [
    "DeadLetter",
    "Event",
    "Gap",
    "HandlerError",
    "History",
    "Inbox",
    "InboxWithGaps",
    "OtherTypeError",
    "Refilled",
    "Source",
    "SqliteInbox",
    "Subscriber",
    "UnreadableError",
    "read",
    "refill",
]
