"""Reads Tandem's events: each is handled once, retried, or kept as a dead letter."""

from tandem_events.event import Event, UnreadableError, read
from tandem_events.inbox import Gap, HandlerError, Inbox, SqliteInbox
from tandem_events.subscriber import DeadLetter, Subscriber

__all__ = [
    "DeadLetter",
    "Event",
    "Gap",
    "HandlerError",
    "Inbox",
    "SqliteInbox",
    "Subscriber",
    "UnreadableError",
    "read",
]
