"""Reading the archive: which offsets it has, and their messages."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from chassis.archive import layout, lines, sealing, segments
from chassis.archive.keys import Keyring
from chassis.archive.layout import LOST, SEGMENTS, Span, key_of, span_of
from chassis.archive.segments import DamagedSegment, Segment
from chassis.archive.store import Bucket, NoSuchObject, Stored
from chassis.messaging.history import Message

# How far the store's clock and those of the services may differ.
SKEW = timedelta(hours=1)

log = structlog.get_logger()


class Archive:
    """What a bucket has of the history. Methods raise StoreAway.

    With `keys`, messages are as they were published, but for what a key was thrown away of, and
    methods raise pymongo.errors.PyMongoError, too. Without them, or where a key is gone, sealed
    messages have no personal fields (see `sealing.sealed_for`).
    """

    def __init__(self, bucket: Bucket, keys: Keyring | None = None) -> None:
        self.bucket, self._keys = bucket, keys

    def segments(self) -> dict[Span, Stored]:
        """Return the spans that the archive has; they overlap if two archivers wrote at once."""
        return self._spans(SEGMENTS)

    def lost(self) -> list[Span]:
        """Return the spans that the stream no longer had."""
        return sorted(self._spans(LOST))

    def segment(self, span: Span) -> Segment:
        """Return what the archive has of a span. Raises DamagedSegment or NoSuchObject."""
        return segments.read(span, self.bucket.get(key_of(SEGMENTS, span)))

    def start(self, since: datetime) -> int:
        """Return an offset before which no message is from `since` or later; it may be too low."""
        found = self.segments()
        # A segment was written after its messages were made.
        new = [span.first for span, each in found.items() if each.changed_at >= since - SKEW]
        return min(new) if new else max((span.last + 1 for span in found), default=0)

    def messages(self, wanted: Span) -> Iterator[Message | Span]:
        """Yield the messages of a span in order, each once; and in between, what is missing."""
        place = wanted.first
        spans = [each for each in self.segments() if _meet(each, wanted)]
        for group in layout.overlapping(spans):
            found, broker = self._merged(group)
            for offset in sorted(found):
                if not place <= offset <= wanted.last:
                    continue
                yield from layout.holes(broker, Span(place, offset - 1))
                yield found[offset]
                place = offset + 1
            for span in broker:
                if span.first <= place:
                    place = max(place, min(span.last, wanted.last) + 1)
        yield from layout.holes((), Span(place, wanted.last))

    def _merged(self, spans: list[Span]) -> tuple[dict[int, Message], list[Span]]:
        """Return the messages of spans that overlap, and the broker's own offsets; what is damaged
        is missing, and logged.
        """
        found: dict[int, Message] = {}
        broker: list[Span] = []
        for span in spans:
            try:
                segment = self.segment(span)
            except (DamagedSegment, NoSuchObject) as error:
                log.warning("a segment of the archive is damaged", span=str(span), why=str(error))
                continue
            broker += segment.broker
            for file in segment.files:
                try:
                    content = segments.unpack(file, self.bucket.get(file.key))
                except (DamagedSegment, lines.DamagedLine, NoSuchObject) as error:
                    log.warning("a file of the archive is damaged", file=file.key, why=str(error))
                    continue
                found.update((each.offset, each) for each in self._opened(content))
        return found, sorted(broker)

    def _opened(self, messages: Sequence[Message]) -> Iterator[Message]:
        people = {one for each in messages for one in sealing.sealed_for(each)}
        keys = self._keys.find(people) if self._keys and people else {}
        return (sealing.opened(each, keys) for each in messages)

    def _spans(self, folder: str) -> dict[Span, Stored]:
        listed = ((span_of(each.key), each) for each in self.bucket.listed(folder))
        return {span: each for span, each in listed if span is not None}


def _meet(one: Span, other: Span) -> bool:
    return one.first <= other.last and other.first <= one.last
