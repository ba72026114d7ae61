"""The archive's objects: their keys, and the offsets that they cover.

    events/<UTC day>/<type>/<first>-<last>.jsonl.gz   events, one in a line
    unreadable/<first>-<last>.jsonl.gz                messages that are no events
    segments/<first>-<last>.json                      what the archive has of these offsets
    lost/<first>-<last>.json                          the stream no longer had these offsets
    pending/<first>-<last>.json                       a segment that is being written
    set_aside/<name>                                  what was below pending/ and names no files
    parquet/<UTC day>/<type>.parquet                  the events of a day and type once more, for
                                                      analysis (chassis.archive.parquet)

<first> and <last> are offsets of the stream, both included, with 20 digits. A file has the span of
its segment in its name, so an archiver that writes the segment again writes the same objects again.
Only files that a segment names belong to the archive.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

EVENTS, UNREADABLE = "events/", "unreadable/"
SEGMENTS, LOST, PENDING, SET_ASIDE = "segments/", "lost/", "pending/", "set_aside/"
# Characters of a type in a key; an S3 store takes 1,024 bytes for the whole.
LONGEST_TYPE = 200

_SPAN = re.compile(r"(?P<first>\d{20})-(?P<last>\d{20})(?P<ending>\..*)")
_OBJECT, _FILE = ".json", ".jsonl.gz"


class Span(NamedTuple):
    """The offsets from `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def key_of(folder: str, span: Span) -> str:
    """Return the key of a segment, of lost offsets, or of what is pending."""
    return f"{folder}{_name(span)}{_OBJECT}"


def file_key(span: Span, group: str) -> str:
    """Return the key of a segment's file for one of its groups (see `group_of`)."""
    return f"{group}{_name(span)}{_FILE}"


def group_of(time: datetime, event_type: str) -> str:
    """Return the folder of an event's file: its UTC day, and its type."""
    return f"{EVENTS}{time.astimezone(UTC):%Y-%m-%d}/{quote(event_type, safe='')[:LONGEST_TYPE]}/"


def span_of(key: str) -> Span | None:
    """Return the span of a key of `key_of`; None for another object."""
    return _span(key, _OBJECT)


def span_of_file(key: str) -> Span | None:
    """Return the span of a key of `file_key`; None for another object."""
    return _span(key, _FILE)


def holes(spans: Iterable[Span], whole: Span) -> Iterator[Span]:
    """Yield the parts of `whole` that no span covers, in order."""
    place = whole.first
    for span in sorted(spans):
        if span.first > whole.last:
            break
        if span.first > place:
            yield Span(place, span.first - 1)
        place = max(place, span.last + 1)
    if place <= whole.last:
        yield Span(place, whole.last)


def overlapping(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Yield the spans in order, those that overlap together."""
    group: list[Span] = []
    last = -1
    for span in sorted(spans):
        if group and span.first > last:
            yield group
            group = []
        group.append(span)
        last = max(last, span.last)
    if group:
        yield group


def _span(key: str, ending: str) -> Span | None:
    found = _SPAN.fullmatch(key.rpartition("/")[2])
    if found is None or found["ending"] != ending:
        return None
    return Span(int(found["first"]), int(found["last"]))


def _name(span: Span) -> str:
    return f"{span.first:020d}-{span.last:020d}"
