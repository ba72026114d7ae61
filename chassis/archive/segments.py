"""Segments: the unit that an archiver writes; pure functions.

A segment has every message of its span. Its files are one for each UTC day and type; its own object
names them, and makes them part of the archive.
"""

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import orjson

from chassis.archive import lines
from chassis.archive.layout import Span, file_key
from chassis.messaging.history import Message

# A segment ends after so many messages, or bytes of their bodies.
MOST_MESSAGES = 20_000
MOST_BYTES = 16 * 2**20
# Fast, and of JSON nearly as small as the slowest.
COMPRESSION = 6


class DamagedSegment(ValueError):
    """An object that is no segment of ours; the text says why."""


@dataclass(frozen=True)
class File:
    """A file of a segment."""

    key: str
    messages: int
    size: int
    """Bytes, compressed."""
    sha256: str
    """Of the compressed bytes, as hexadecimal digits."""


@dataclass(frozen=True)
class Segment:
    """What the archive has of a span."""

    span: Span
    files: tuple[File, ...]
    seal: str
    """The SHA-256 of the last message's body, by which a stream is recognized."""


def pieces(messages: Iterable[Message], hole: Span) -> Iterator[Span | list[Message]]:
    """Divide a stream's messages into segments, and spans that the stream no longer has.

    `messages` are in order; those outside of `hole` are ignored. What follows the last message is
    not judged, unless a message beyond the hole shows that the stream has nothing of it.
    """
    place, size = hole.first, 0
    taken: list[Message] = []
    for message in messages:
        if message.offset < place:
            continue
        if taken and (message.offset > place or _is_full(taken, size)):
            yield taken
            taken, size = [], 0
        if message.offset > place:
            yield Span(place, min(message.offset - 1, hole.last))
        if message.offset > hole.last:
            return
        taken.append(message)
        size += len(message.body)
        place = message.offset + 1
        if place > hole.last:
            break
    if taken:
        yield taken


def span_of(messages: Sequence[Message]) -> Span:
    """Return the offsets of messages that follow each other."""
    return Span(messages[0].offset, messages[-1].offset)


def pack(messages: Sequence[Message]) -> tuple[Segment, Mapping[str, bytes]]:
    """Return the segment of some messages, and its files' content by key.

    The same messages always give the same.
    """
    span = span_of(messages)
    encoded = sorted(map(lines.encode, messages), key=lambda line: (line.group, line.offset))
    files, contents = [], {}
    for group, found in groupby(encoded, key=lambda line: line.group):
        texts = [line.text for line in found]
        key = file_key(span, group)
        # Without a time in its header, so that a file written again is the same.
        content = gzip.compress(b"".join(text + b"\n" for text in texts), COMPRESSION, mtime=0)
        contents[key] = content
        files.append(File(key, len(texts), len(content), hashlib.sha256(content).hexdigest()))
    return Segment(span, tuple(files), seal(messages[-1])), contents


def unpack(file: File, content: bytes) -> list[Message]:
    """Return a file's messages. Raises DamagedSegment if it is not what the archiver wrote."""
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DamagedSegment(f"{file.key}: {len(content)} bytes with another SHA-256")
    found = [lines.decode(text) for text in gzip.decompress(content).splitlines()]
    if len(found) != file.messages:
        raise DamagedSegment(f"{file.key}: {len(found)} messages instead of {file.messages}")
    return found


def write(segment: Segment) -> bytes:
    """Return the segment's object."""
    return orjson.dumps(asdict(segment), option=orjson.OPT_INDENT_2)


def read(span: Span, content: bytes) -> Segment:
    """Return the segment of an object that is named after `span`. Raises DamagedSegment."""
    try:
        found: dict[str, Any] = orjson.loads(content)
        files = tuple(File(**each) for each in found["files"])
        segment = Segment(Span(*found["span"]), files, str(found["seal"]))
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedSegment(f"the segment {span} can't be read: {error!r}") from error
    if segment.span != span:
        raise DamagedSegment(f"the segment {span} says that it is {segment.span}")
    return segment


def seal(message: Message) -> str:
    """Return what recognizes a message."""
    return hashlib.sha256(message.body).hexdigest()


def _is_full(taken: Sequence[Message], size: int) -> bool:
    return len(taken) >= MOST_MESSAGES or size >= MOST_BYTES
