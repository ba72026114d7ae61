"""A decoder of a message's properties and header table that accepts any bytes.

AMQP 0.9.1, section 4.2.5, with the type letters that RabbitMQ uses (its errata, section 3). The
decoders of pika and py-amqp raise for values that they can't represent, such as a timestamp after
the year 9999, and lose the connection; then the message is redelivered, and so on. This decoder
never raises: a value that Python can't represent stays a number or bytes, and if something can't be
decoded at all, the header `UNREADABLE` says so.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# This header says which part of the headers could not be read, and why.
UNREADABLE = "x-tandem-unreadable"
# A table or an array nested this deep stays bytes, which limits the recursion.
DEEPEST = 32
# The last second that a datetime can hold: the end of the year 9999.
LAST_SECOND = 253_402_300_799

_LENGTH = struct.Struct(">I").unpack_from

Value = tuple[Any, int]
Reader = Callable[[bytes, int, int], Value]


class UnreadableError(ValueError):
    """The bytes are no table; the text says where."""


_FAULTS = (UnreadableError, struct.error, IndexError)


def read_properties(buffer: bytes, offset: int = 0) -> dict[str, Any]:
    """Return the properties that begin at `offset`, by their names in the specification.

    Texts are str, with backslash escapes if they are no UTF-8. `headers` is a dict of str to str,
    bytes, bool, int, float, Decimal, datetime in UTC, None, and dicts and lists of these.
    """
    found: dict[str, Any] = {}
    try:
        flags, offset = _flags(buffer, offset)
        for bit, (name, read) in enumerate(_PROPERTIES):
            if flags & (0x8000 >> bit):
                found[name], offset = read(buffer, offset, 0)
    except _FAULTS as error:
        found["headers"] = {**found.get("headers", {}), UNREADABLE: f"properties: {error}"}
    return found


def _flags(buffer: bytes, offset: int) -> tuple[int, int]:
    """Return the first flag word; the last bit of each word says whether another follows."""
    (first,) = struct.unpack_from(">H", buffer, offset)
    more, offset = first & 1, offset + 2
    while more:
        (word,) = struct.unpack_from(">H", buffer, offset)
        more, offset = word & 1, offset + 2
    return first, offset


def _headers(buffer: bytes, offset: int, _: int) -> Value:
    """Return the header table; if its end can't be read, what was read and the reason."""
    table, offset = _counted(buffer, offset, 0)
    found: dict[str, Any] = {}
    try:
        _disown(found, _fill(found, table, 0))
    except _FAULTS as error:
        found[UNREADABLE] = f"after {len(found)} headers: {error}"
    return found, offset


def _fill(found: dict[str, Any], table: bytes, depth: int) -> list[str]:
    """Read a table's fields into `found`; return the names that it contains more than once."""
    offset, end, twice = 0, len(table), list[str]()
    while offset < end:
        name, offset = _short_text(table, offset, depth)
        if name in found:
            twice.append(name)
        found[name], offset = _value(table, offset, depth)
    return twice


def _disown(found: dict[str, Any], twice: list[str]) -> None:
    """Remove headers that occur more than once: one of the values may be the broker's, such as that
    of `x-stream-offset`, and we can't know which one.
    """
    for name in twice:
        found.pop(name, None)
    if twice:
        found[UNREADABLE] = f"more than once: {', '.join(sorted(set(twice)))}"[:1000]


def _value(buffer: bytes, offset: int, depth: int) -> Value:
    read = _READERS.get(buffer[offset])
    if read is None:
        raise UnreadableError(f"no type has the letter {buffer[offset : offset + 1]!r}")
    return read(buffer, offset + 1, depth)


def _number(form: str) -> Reader:
    """Return a reader of a number of a fixed size."""
    packed = struct.Struct(form)

    def read(buffer: bytes, offset: int, _: int) -> Value:
        return packed.unpack_from(buffer, offset)[0], offset + packed.size

    return read


def _boolean(buffer: bytes, offset: int, _: int) -> Value:
    return buffer[offset] != 0, offset + 1


def _decimal(buffer: bytes, offset: int, _: int) -> Value:
    scale, digits = struct.unpack_from(">Bi", buffer, offset)
    return Decimal(digits).scaleb(-scale), offset + 5


def _timestamp(buffer: bytes, offset: int, _: int) -> Value:
    """Read seconds since 1970. Milliseconds by mistake are beyond what a datetime can hold."""
    (seconds,) = struct.unpack_from(">Q", buffer, offset)
    instant = datetime.fromtimestamp(seconds, UTC) if seconds <= LAST_SECOND else seconds
    return instant, offset + 8


def _void(_: bytes, offset: int, __: int) -> Value:
    return None, offset


def _short_text(buffer: bytes, offset: int, _: int) -> tuple[str, int]:
    end = offset + 1 + buffer[offset]
    if end > len(buffer):
        raise UnreadableError(f"a text ends {end - len(buffer)} bytes after the end")
    return buffer[offset + 1 : end].decode("utf-8", "backslashreplace"), end


def _text(buffer: bytes, offset: int, depth: int) -> Value:
    """Read a long string; bytes if it is no UTF-8."""
    raw, offset = _counted(buffer, offset, depth)
    try:
        return raw.decode(), offset
    except UnicodeDecodeError:
        return raw, offset


def _counted(buffer: bytes, offset: int, _: int) -> tuple[bytes, int]:
    """Read bytes that begin with their length."""
    start = offset + 4
    end = start + _LENGTH(buffer, offset)[0]
    if end > len(buffer):
        raise UnreadableError(f"{end - start} bytes are announced, {len(buffer) - start} are left")
    return buffer[start:end], end


def _table(buffer: bytes, offset: int, depth: int) -> Value:
    raw, offset = _counted(buffer, offset, depth)
    if depth >= DEEPEST:
        return raw, offset
    found: dict[str, Any] = {}
    _fill(found, raw, depth + 1)
    return found, offset


def _array(buffer: bytes, offset: int, depth: int) -> Value:
    raw, end = _counted(buffer, offset, depth)
    if depth >= DEEPEST:
        return raw, end
    found, place = [], 0
    while place < len(raw):
        value, place = _value(raw, place, depth + 1)
        found.append(value)
    return found, end


_OCTET = _number(">B")
_READERS: Mapping[int, Reader] = {
    ord("t"): _boolean,
    ord("b"): _number(">b"),
    ord("B"): _OCTET,
    ord("s"): _number(">h"),
    ord("U"): _number(">h"),
    ord("u"): _number(">H"),
    ord("I"): _number(">i"),
    ord("i"): _number(">I"),
    ord("l"): _number(">q"),
    ord("L"): _number(">q"),
    ord("f"): _number(">f"),
    ord("d"): _number(">d"),
    ord("D"): _decimal,
    ord("S"): _text,
    ord("x"): _counted,
    ord("A"): _array,
    ord("T"): _timestamp,
    ord("F"): _table,
    ord("V"): _void,
}
# In the order of their flags, from the highest bit down.
_PROPERTIES: tuple[tuple[str, Reader], ...] = (
    ("content_type", _short_text),
    ("content_encoding", _short_text),
    ("headers", _headers),
    ("delivery_mode", _OCTET),
    ("priority", _OCTET),
    ("correlation_id", _short_text),
    ("reply_to", _short_text),
    ("expiration", _short_text),
    ("message_id", _short_text),
    ("timestamp", _number(">Q")),
    ("type", _short_text),
    ("user_id", _short_text),
    ("app_id", _short_text),
    ("cluster_id", _short_text),
)
PROPERTIES = tuple(name for name, _ in _PROPERTIES)
