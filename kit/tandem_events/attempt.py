"""One try of a message: the rules by which it is handled, tried again, or a dead letter."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from tandem_events.event import Event, UnreadableError, read
from tandem_events.inbox import HandlerError, Inbox

T = TypeVar("T")

DELAYS = (1, 10, 60, 600)
"""Seconds until the next try, by the tries before; after the last one an event is a dead letter."""
# An event that ends the process is delivered this often; then it is a dead letter.
DELIVERY_LIMIT = 20


class DeadLetter(Exception):
    """A handler raises this if an event can never be handled. It is not tried again."""


class NotHandled(NamedTuple):
    """Where a message goes that was not handled."""

    wait: int | None
    """Seconds until the next try; None: it is a dead letter."""
    reason: str


def attempt(
    headers: Mapping[str, Any] | None,
    body: bytes,
    inbox: Inbox[T],
    handler: Callable[[Event, T], None],
    delay: int | None,
) -> NotHandled | None:
    """Handle a message; return None if it needs no other try, `delay` is the wait until that one.

    Raises the inbox's error if its database fails.
    """
    try:
        inbox.handle(read(headers, body), handler)
    except UnreadableError as error:
        return NotHandled(None, str(error))
    except HandlerError as error:
        is_last = isinstance(error.__cause__, DeadLetter)
        return NotHandled(None if is_last else delay, repr(error.__cause__))
    return None


def delay_after(tries: int, delays: Sequence[int]) -> int | None:
    """Return the wait until the next try, if there were so many before this one; None if this one
    is the last.
    """
    return delays[tries] if tries < len(delays) else None
