"""Archiving: from the stream into the archive, each offset once, wherever the process dies.

A segment is written in four steps: what is pending, its files, its own object, and the end of what
is pending. The third is one PUT, and makes the files part of the archive. Dying before it leaves
files that belong to nothing, which `pending/` names: the next archiver removes them, and reads the
stream from there again. The stream's place is kept nowhere else: it is the first offset that the
archive does not have. So a hole in the middle is filled too, if the stream still has it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson
import structlog

from chassis.archive import continuity, sealing, segments
from chassis.archive.archive import Archive
from chassis.archive.keys import Keyring
from chassis.archive.layout import (
    LOST,
    PENDING,
    SEGMENTS,
    SET_ASIDE,
    Span,
    holes,
    key_of,
    span_of,
)
from chassis.archive.segments import DamagedSegment, Segment
from chassis.archive.store import Bucket, NoSuchObject
from chassis.messaging import history
from chassis.messaging.history import Message
from chassis.operations import metrics

# Beyond every offset of a stream.
FOREVER = 2**63

log = structlog.get_logger()


class OtherStream(Exception):
    """The stream is not the one whose messages the archive has."""


class Archiver:
    """Archives the history of one broker in one bucket."""

    def __init__(
        self, amqp_url: str, bucket: Bucket, keys: Keyring, check: Callable[[], None]
    ) -> None:
        """`keys`: of the people whom events name. `check` raises if this process may not go on: it
        has lost its lease, or it stops.
        """
        self._amqp_url, self._bucket, self._keys, self._check = amqp_url, bucket, keys, check
        self._archive = Archive(bucket)

    def archive(self) -> None:
        """Archive all that the stream has now and the archive does not.

        Raises StoreAway, pika.exceptions.AMQPError, pymongo.errors.PyMongoError, OtherStream,
        DamagedSegment, and what `check` raises.
        """
        self._bucket.prepare()
        self._undo_what_is_pending()
        spans = [*self._archive.segments(), *self._archive.lost()]
        end = history.last_offset(self._amqp_url)
        if why := continuity.break_in(self._amqp_url, self._archive, end):
            raise OtherStream(why)
        if end is None:
            return
        for hole in list(holes(spans, Span(0, FOREVER))):
            if hole.first <= end:
                self._fill(hole, end)
        report_lag(0, ())

    def _fill(self, hole: Span, end: float) -> None:
        for piece in segments.pieces(self._messages(hole, end), hole, self._has):
            if isinstance(piece, Span):
                self._give_up(piece)
            else:
                report_lag(min(end, hole.last) - piece.span.first + 1, piece.messages)
                keys = self._keys.make(sealing.people_in(piece.messages))
                self._commit(*segments.pack(piece, keys))

    def _messages(self, hole: Span, end: float) -> Iterator[Message]:
        for message in history.messages(self._amqp_url, hole.first, end):
            self._check()
            yield message

    def _commit(self, segment: Segment, contents: Mapping[str, bytes]) -> None:
        pending = key_of(PENDING, segment.span)
        self._bucket.put(pending, segments.write_pending(contents))
        for key, content in contents.items():
            self._check()
            self._bucket.put(key, content)
        self._check()
        self._bucket.put(key_of(SEGMENTS, segment.span), segments.write(segment))
        self._bucket.remove(pending)
        metrics.ARCHIVE_EVENTS.inc(sum(file.messages for file in segment.files))
        log.info("archived", offsets=str(segment.span), files=len(segment.files))

    def _give_up(self, span: Span) -> None:
        """Note offsets that the stream has no longer; nothing can bring them back."""
        self._check()
        facts = {"first": span.first, "last": span.last, "noticed": datetime.now(UTC).isoformat()}
        self._bucket.put(key_of(LOST, span), orjson.dumps(facts))
        metrics.ARCHIVE_LOST.inc(span.last - span.first + 1)
        log.error("the history no longer has events that were not archived", offsets=str(span))

    def _undo_what_is_pending(self) -> None:
        """Remove what an archiver that died has left."""
        for each in list(self._bucket.listed(PENDING)):
            self._check()
            try:
                self._undo(each.key)
            except DamagedSegment as error:
                self._set_aside(each.key, error)

    def _undo(self, pending: str) -> None:
        span = span_of(pending)
        if span is None:
            raise DamagedSegment(f"{pending} is not named after offsets")
        if not self._is_committed(span):
            for key in segments.read_pending(pending, self._bucket.get(pending)):
                self._check()
                self._bucket.remove(key)
        self._bucket.remove(pending)

    def _set_aside(self, pending: str, error: DamagedSegment) -> None:
        """Keep an object that no archiver wrote, where it stops nobody; a person looks at it.

        If it named files, they are strays now, which `verify` lists.
        """
        self._bucket.put(SET_ASIDE + pending.removeprefix(PENDING), self._bucket.get(pending))
        self._bucket.remove(pending)
        metrics.ARCHIVE_FAILURES.labels("damaged").inc()
        log.error("an object of the archive is set aside", key=pending, why=str(error))

    def _has(self, offset: int) -> bool:
        return history.has(self._amqp_url, offset)

    def _is_committed(self, span: Span) -> bool:
        try:
            self._bucket.get(key_of(SEGMENTS, span))
        except NoSuchObject:
            return False
        return True


def report_lag(events: float, messages: Sequence[Message]) -> None:
    """Report how many events are not archived yet; `messages` are the oldest of them."""
    since = messages[0].made_at if messages else None
    metrics.ARCHIVE_LAG_EVENTS.set(events)
    metrics.ARCHIVE_LAG_SECONDS.set_function(
        lambda: 0.0 if since is None else max(0.0, time.time() - since)
    )
