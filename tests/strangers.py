"""Messages as no client library would write them: any bytes as properties, every type of a table.

Written from AMQP 0.9.1 (section 4.2.5) and RabbitMQ's errata, not with the encoders under test.
"""

import json
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pika

from chassis.contracts import events
from chassis.contracts.amqp_tables import PROPERTIES

Field = tuple[str, bytes]
"""A type's letter and its value's bytes."""

MILLISECONDS = 1_772_438_400_000


class RawProperties(pika.BasicProperties):  # type: ignore[misc]
    """Properties that pika sends as these bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.raw = raw

    def encode(self) -> list[bytes]:
        """pika's hook."""
        return [self.raw]


def short(text: str | bytes) -> bytes:
    """A short string."""
    raw = text.encode() if isinstance(text, str) else text
    return bytes([len(raw)]) + raw


def long(raw: str | bytes) -> bytes:
    """A long string, or anything that begins with its length."""
    raw = raw.encode() if isinstance(raw, str) else raw
    return struct.pack(">I", len(raw)) + raw


def text(value: str | bytes) -> Field:
    """A field of text."""
    return "S", long(value)


def number(letter: str, form: str, value: Any) -> Field:
    """A field of a number."""
    return letter, struct.pack(form, value)


def timestamp(value: int) -> Field:
    """A field of seconds since 1970."""
    return number("T", ">Q", value)


def table(fields: Iterable[tuple[str | bytes, Field]]) -> Field:
    """A table; names may repeat."""
    return "F", long(b"".join(short(name) + packed(field) for name, field in fields))


def array(fields: Iterable[Field]) -> Field:
    """An array."""
    return "A", long(b"".join(map(packed, fields)))


def nested(depth: int, letter: str = "A") -> Field:
    """A value within so many others."""
    found: Field = ("V", b"")
    for _ in range(depth):
        found = array([found]) if letter == "A" else table([("x", found)])
    return found


def packed(field: Field) -> bytes:
    """Letter and value."""
    return field[0].encode("latin-1") + field[1]


def properties(
    headers: Iterable[tuple[str | bytes, Field]] = (), **given: bytes | int
) -> RawProperties:
    """Properties with these headers; of the others the bytes of a text, or a number."""
    values = {name: _property(name, value) for name, value in given.items()}
    values["headers"] = table(headers)[1]
    flags = sum(0x8000 >> bit for bit, name in enumerate(PROPERTIES) if name in values)
    raw = b"".join(values[name] for name in PROPERTIES if name in values)
    return RawProperties(struct.pack(">H", flags) + raw)


def _property(name: str, value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        return short(value)
    return struct.pack(">Q" if name == "timestamp" else ">B", value)


def good_headers(event: Any) -> list[tuple[str | bytes, Field]]:
    """Those that an event of ours has."""
    return [(name, text(value)) for name, value in events.headers_of(event).items()]


class Stranger:
    """Makes messages, the same for the same seed; the body of each is its own."""

    def __init__(self, seed: int, event: Callable[[str], Any], name: str = "stranger") -> None:
        """`event` makes an event of ours for a name: `<name>-1` and so on."""
        self._random, self._event = random.Random(seed), event
        self._prefix, self._made = name, 0
        self.decimals = True
        """RabbitMQ 3.10 takes them, but not in a stream."""

    def message(self) -> tuple[RawProperties, bytes]:
        """The next one: an event of which something was broken, something added, or neither."""
        self._made += 1
        event = self._event(f"{self._prefix}-{self._made}")
        headers = good_headers(event)
        for _ in range(self._random.choice((0, 1, 1, 2, 5))):
            self._harm(headers)
        body = self._body(events.body_of(event.data))
        return properties(headers, **self._properties()), body

    def _harm(self, headers: list[tuple[str | bytes, Field]]) -> None:
        place = self._random.randrange(len(headers))
        harm = self._random.choice(("value", "value", "gone", "more", "more", "twice", "prefix"))
        name, field = headers[place]
        if harm == "value" and name == "cloudEvents_id":
            headers[place] = (name, self._number(*self._random.choice(_NUMBERS)))  # no id twice
        elif harm == "value":
            headers[place] = (name, self.field())
        elif harm == "gone" and len(headers) > 1:
            del headers[place]
        elif harm == "twice":
            headers.append((name, self.field()))
        elif harm == "prefix" and isinstance(name, str):
            headers[place] = (name.replace("_", ":", 1), field)
        else:
            headers.append((self._name(), self.field()))

    def field(self, depth: int = 0) -> Field:
        """A value of any type."""
        makers: Sequence[Callable[[], Field]] = (
            *(lambda row=row: self._number(*row) for row in _NUMBERS),
            lambda: ("t", self._random.randbytes(1)),
            lambda: ("V", b""),
            lambda: timestamp(
                self._random.choice((0, 1_772_438_400, MILLISECONDS, 2**63, 2**64 - 1))
            ),
            lambda: text(self._random.choice(_TEXTS)),
            lambda: text(self._random.randbytes(self._random.randrange(40))),
            lambda: ("x", long(self._random.randbytes(self._random.randrange(40)))),
            lambda: ("D", self._random.randbytes(5)) if self.decimals else ("V", b""),
            lambda: nested(self._random.choice((3, 40, 900)), self._random.choice("AF")),
            lambda: array([self.field(depth + 1) for _ in range(self._random.randrange(4))]),
            lambda: table(
                [(self._name(), self.field(depth + 1)) for _ in range(self._random.randrange(4))]
            ),
        )
        return self._random.choice(makers if depth < 3 else makers[:-2])()

    def _number(self, letter: str, size: int) -> Field:
        whole = self._random.choice((b"\x00" * size, b"\xff" * size, self._random.randbytes(size)))
        return letter, b"\x40" + whole[1:] if letter in "fd" else whole

    def _name(self) -> str | bytes:
        return self._random.choice((*_NAMES, self._random.randbytes(self._random.randrange(255))))

    def _properties(self) -> dict[str, bytes | int]:
        wanted = self._random.sample(sorted(_PROPERTIES), self._random.randrange(4))
        return (
            {"delivery_mode": 2}
            | {
                name: self._random.choice((*_PROPERTIES[name], self._random.randbytes(9)))
                for name in wanted
            }
            | ({"timestamp": self._random.choice((0, MILLISECONDS, 2**64 - 1))} if wanted else {})
        )

    def _body(self, good: bytes) -> bytes:
        ending = json.dumps(f"{self._prefix}-{self._made}").encode()[1:-1]
        return self._random.choice(
            (
                *[good] * 6,
                ending,
                self._random.randbytes(50) + ending,
                b'"' + b"\\ud800" + ending + b'"',
                b"[" * 3000 + ending,
                b'{"enrolmentId": [' + ending + b"]}",
                b'{"enrolmentId": "x", "withdrawnAt": "' + b"9" * 40 + ending + b'"}',
            )
        )


_NUMBERS = (
    ("b", 1), ("B", 1), ("s", 2), ("u", 2), ("I", 4), ("i", 4), ("l", 8), ("f", 4), ("d", 8),
)  # fmt: skip
_TEXTS = ("", "gzip", "\x1b[2J", "x" * 5000, "9" * 5000, "-1", "\u202e", "2026-03-02T08:00:00")
# Not x-death: where the broker itself gives up a message whose x-death is malformed, the process
# that does so ends in RabbitMQ 3.10, and soon with it every quorum queue of that node.
_NAMES = (
    "CC",
    "BCC",
    "compression",
    "x-delivery-count",
    "x-first-death-queue",
    "x-stream-offset",
    "x-tandem-attempts",
    "x-tandem-died-at",
    "x-tandem-queue",
    "x-tandem-reason",
    "x-tandem-unreadable",
    "",
    "n" * 255,
)
_PROPERTIES: dict[str, tuple[bytes, ...]] = {
    "content_type": (
        b"application/json",
        b"application/x-python-serialize",
        b"text/plain; charset=x",
    ),
    "content_encoding": (b"gzip", b"utf-7", b"binary"),
    "correlation_id": (b"1", b"\xff" * 255),
    "reply_to": (b"nobody",),
    "message_id": (b"", b"\xff\xfe", b"m" * 255),
    "type": (b"\x00", b"t"),
    "app_id": (b"a",),
    "cluster_id": (b"c",),
    "expiration": (b"1", b"60000000"),
    "user_id": (b"guest",),
}
