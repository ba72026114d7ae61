"""Segments: the unit that an archiver writes; pure functions.

A segment has every message of its span. Its files are one for each UTC day and type; its own object
names them, and makes them part of the archive.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from chassis.archive import lines, sealing
from chassis.archive.layout import EVENTS, UNREADABLE, Span, file_key
from chassis.archive.sealing import Keys
from chassis.contracts import cloudevents
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
    broker: tuple[Span, ...]
    """Offsets in it that the broker took for its own records: there are no messages."""
    fingerprint: str
    """By which a stream is recognized; or empty. The SHA-256 of the last message's body; if what is
    personal in that is encrypted, of its id.
    """
    sealed: bool = True
    """Whether what is personal in it is encrypted. A version before did not."""


class Piece(NamedTuple):
    """What becomes a segment: every message of a span."""

    span: Span
    messages: Sequence[Message]
    broker: Sequence[Span]
    """Offsets that the broker took for its own records."""


def pieces(
    messages: Iterable[Message], hole: Span, has: Callable[[int], bool]
) -> Iterator[Span | Piece]:
    """Divide a stream's messages into pieces, and spans that the stream has lost.

    `messages` are in order; those outside of `hole` are ignored. What follows the last message is
    not judged, unless a message beyond the hole shows that the stream has nothing of it. `has` says
    whether the stream still has the message at an offset. It deletes from its beginning only. So
    if it has the message before missing offsets, these were none: RabbitMQ takes an offset for a
    record of its own at the start of each file (3.10), and where a consumer stores its offset.
    """
    piece = _Growing(hole.first)
    for message in messages:
        if message.offset < piece.stop:
            continue
        if piece.is_full:
            yield piece.finished()
            piece = _Growing(piece.stop)
        if message.offset > piece.stop:
            missing = Span(piece.stop, min(message.offset - 1, hole.last))
            if piece.stop > 0 and has(piece.stop - 1):
                piece.skip(missing)
            else:
                yield from piece.rest()
                yield missing
                piece = _Growing(missing.last + 1)
        if message.offset <= hole.last:
            piece.add(message)
        if message.offset >= hole.last:
            break
    yield from piece.rest()


class _Growing:
    """A piece from `start` on, to which messages are added."""

    def __init__(self, start: int) -> None:
        self.start = self.stop = start
        self.messages: list[Message] = []
        self.broker: list[Span] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self.messages) >= MOST_MESSAGES or self._size >= MOST_BYTES

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self._size += len(message.body)
        self.stop = message.offset + 1

    def skip(self, broker: Span) -> None:
        self.broker.append(broker)
        self.stop = broker.last + 1

    def finished(self) -> Piece:
        return Piece(Span(self.start, self.stop - 1), self.messages, self.broker)

    def rest(self) -> Iterator[Piece]:
        """Yield the piece, if there is anything in it."""
        if self.start < self.stop:
            yield self.finished()


def pack(piece: Piece, keys: Keys) -> tuple[Segment, Mapping[str, bytes]]:
    """Return the segment of a piece, and its files' content by key. `keys` has those of
    `sealing.people_in`.

    The same piece always gives the same, until a key is thrown away.
    """
    encoded = sorted(
        (lines.encode(sealing.seal(each, keys)) for each in piece.messages),
        key=lambda line: (line.group, line.offset),
    )
    files, contents = [], {}
    for group, found in groupby(encoded, key=lambda line: line.group):
        texts = [line.text for line in found]
        key = file_key(piece.span, group)
        # Without a time in its header, so that a file written again is the same.
        content = gzip.compress(b"".join(text + b"\n" for text in texts), COMPRESSION, mtime=0)
        contents[key] = content
        files.append(File(key, len(texts), len(content), hashlib.sha256(content).hexdigest()))
    fingerprint = _fingerprint(piece.messages[-1]) if piece.messages else ""
    return Segment(piece.span, tuple(files), tuple(piece.broker), fingerprint), contents


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
    facts = {
        "span": [*segment.span],
        "files": [asdict(file) for file in segment.files],
        "broker": [[*span] for span in segment.broker],
        "seal": segment.fingerprint,
        "sealed": segment.sealed,
    }
    return orjson.dumps(facts, option=orjson.OPT_INDENT_2)


def read(span: Span, content: bytes) -> Segment:
    """Return the segment of an object that is named after `span`. Raises DamagedSegment."""
    try:
        found: dict[str, Any] = orjson.loads(content)
        files = tuple(File(**each) for each in found["files"])
        broker = tuple(Span(*each) for each in found["broker"])
        is_sealed = bool(found.get("sealed"))
        segment = Segment(Span(*found["span"]), files, broker, str(found["seal"]), is_sealed)
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedSegment(f"the segment {span} can't be read: {error!r}") from error
    if segment.span != span:
        raise DamagedSegment(f"the segment {span} says that it is {segment.span}")
    return segment


def write_pending(keys: Iterable[str]) -> bytes:
    """Return the object below pending/ that names the files of a segment."""
    return orjson.dumps(list(keys))


def read_pending(key: str, content: bytes) -> list[str]:
    """Return the keys of files that an object below pending/ names. Raises DamagedSegment."""
    try:
        found = orjson.loads(content)
    except ValueError as error:
        raise DamagedSegment(f"{key} can't be read: {error}") from error
    if not isinstance(found, list) or not all(map(_is_file, found)):
        raise DamagedSegment(f"{key} is no list of files: {content[:100]!r}")
    return found


def _is_file(key: object) -> bool:
    return isinstance(key, str) and key.startswith((EVENTS, UNREADABLE))


def is_of(fingerprint: str, message: Message) -> bool:
    """Return whether a segment's fingerprint is that of a message. A version before took the body
    of each, and another one may know other personal types.
    """
    return fingerprint in (_of_body(message), _of_id(message))


def _fingerprint(message: Message) -> str:
    """Return what recognizes a message. The digest of a body that is sealed would confirm a guess
    of what is in it, also after its key was thrown away; so it is of the event's id.
    """
    return _of_id(message) if sealing.people_in([message]) else _of_body(message)


def _of_body(message: Message) -> str:
    return hashlib.sha256(message.body).hexdigest()


def _of_id(message: Message) -> str:
    event_id = cloudevents.raw(message.headers).get("id", "")
    return hashlib.sha256(f"id {event_id}".encode()).hexdigest()
