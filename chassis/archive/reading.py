"""Reading the history from an instant on: the stream, and the archive where the stream ends."""

import math
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from chassis.archive import continuity
from chassis.archive.archive import Archive
from chassis.archive.layout import Span
from chassis.archive.segments import DamagedSegment
from chassis.messaging import history
from chassis.messaging.history import Message, Read


def read(
    amqp_url: str, archive: Archive | None, since: datetime, follow: bool = False
) -> Iterator[tuple[int, Read] | Span]:
    """Yield every event made at `since` or later with its offset, each once and in order, and
    spans of offsets that neither the stream nor the archive has.

    What the broker can't hand over (a file of the stream is damaged) comes from the archive, too.
    If the stream was truncated, or began anew, the archive comes first, and then what the stream
    has beyond it: an offset may come twice then, with another event.

    Ends with the last event that exists at the start, unless `follow` is set. Without an archive
    only the stream is read. Raises pika.exceptions.AMQPError and StoreAway.
    """
    for each in messages(amqp_url, archive, since, follow):
        if isinstance(each, Span):
            yield each
        elif not each.is_filler and not history.is_older(event := each.event, since):
            yield each.offset, event


def messages(
    amqp_url: str, archive: Archive | None, since: datetime | int, follow: bool = False
) -> Iterator[Message | Span]:
    """Yield every message from an instant or an offset on, as it was published, and the spans that
    are missing, as `read` does.

    The first ones may be older than the instant. Raises as `read` does.
    """
    last = history.last_offset(amqp_url)
    end = math.inf if follow else last
    if archive and last is not None and _is_another(amqp_url, archive, last):
        start = since if isinstance(since, int) else archive.start(since)
        yield from _archived(archive, start, None)
        yield from continuity.beyond(archive, history.messages(amqp_url, "first", end, follow))
        return
    oldest = next(history.messages(amqp_url, "first", last), None)
    place = since if isinstance(since, int) else _start(amqp_url, archive, since, oldest)
    covered = _Covered(archive)
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
            if message.error and (stop := covered.until(place)):
                yield from _archived(archive, place, stop)
                place = stop
                break  # a file of the stream is damaged; the broker may have what comes after it
            yield message
            place = message.offset + 1
        else:
            return


class _Covered:
    """What the archive had when this was first asked."""

    def __init__(self, archive: Archive | None) -> None:
        self._archive = archive

    def until(self, offset: int) -> int | None:
        """Return the offset after the last of a segment that has this one; None if none has it."""
        return next((s.last + 1 for s in self._spans if s.first <= offset <= s.last), None)

    @cached_property
    def _spans(self) -> list[Span]:
        return list(self._archive.segments()) if self._archive else []


def _is_another(amqp_url: str, archive: Archive, last: float) -> bool:
    """Return whether the stream was truncated, or began anew, after it was archived."""
    try:
        return bool(continuity.break_in(amqp_url, archive, last))
    except DamagedSegment:
        return False  # nobody can tell


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
