"""Reading the history from an instant on: the stream, and the archive where the stream ends."""

import math
from collections.abc import Iterator
from datetime import datetime

from chassis.archive.archive import Archive
from chassis.archive.layout import Span
from chassis.messaging import history
from chassis.messaging.history import Message, Read


def read(
    amqp_url: str, archive: Archive | None, since: datetime, follow: bool = False
) -> Iterator[tuple[int, Read] | Span]:
    """Yield every event made at `since` or later with its offset, each once and in order, and
    spans of offsets that neither the stream nor the archive has.

    Ends with the last event that exists at the start, unless `follow` is set. Without an archive
    only the stream is read. Raises pika.exceptions.AMQPError and StoreAway.
    """
    for each in messages(amqp_url, archive, since, follow):
        if isinstance(each, Span):
            yield each
        elif not history.is_older(event := each.event, since):
            yield each.offset, event


def messages(
    amqp_url: str, archive: Archive | None, since: datetime | int, follow: bool = False
) -> Iterator[Message | Span]:
    """Yield every message from an instant or an offset on, as it was published, and the spans that
    are missing, as `read` does.

    The first ones may be older than the instant. Raises as `read` does.
    """
    end = math.inf if follow else history.last_offset(amqp_url)
    oldest = next(history.messages(amqp_url, "first", history.last_offset(amqp_url)), None)
    place = since if isinstance(since, int) else _start(amqp_url, archive, since, oldest)
    while True:
        head = _head(amqp_url, place, end)
        if head is not None and head > place > 0 and history.has(amqp_url, place - 1):
            place = head  # nothing was deleted: the offsets between are the broker's own
        if head is not None or oldest is None:
            yield from _archived(archive, place, head)
        place = max(place, head or 0)
        for message in history.messages(amqp_url, place, end, follow):
            if message.offset > place:
                break  # deleted meanwhile, or missing: the archive may have it
            yield message
            place = message.offset + 1
        else:
            return


def _start(amqp_url: str, archive: Archive | None, since: datetime, oldest: Message | None) -> int:
    """Return an offset at which, or before which, the first message from `since` on is."""
    if oldest and (oldest.offset == 0 or oldest.made_at <= since.timestamp()):
        last = history.last_offset(amqp_url)
        first = next(history.messages(amqp_url, since, last), None)
        if history.has(amqp_url, oldest.offset):  # else it was deleted while we looked
            if first:
                return first.offset
            return int(last) + 1 if last is not None and last < math.inf else oldest.offset
    start = archive.start(since) if archive else 0
    return min(start, oldest.offset) if oldest else start


def _head(amqp_url: str, place: int, end: float | None) -> int | None:
    """Return the offset of the stream's first message from `place` on; None if there is none."""
    first = next(history.messages(amqp_url, place, end), None)
    return first.offset if first else None


def _archived(archive: Archive | None, place: int, head: int | None) -> Iterator[Message | Span]:
    """Yield what the archive has from `place` to before `head`; None: to the archive's end."""
    if head is None:
        known = archive.segments() if archive else {}
        head = max((span.last + 1 for span in known), default=place)
    if head > place:
        wanted = Span(place, head - 1)
        yield from archive.messages(wanted) if archive else (wanted,)
