"""Encoding the publication of an event as AMQP frames.

pika makes an object of each frame and inspects each value's type; that was a third of the relay's
work (docs/decisions/0022). This module encodes the constant parts once. AMQP 0.9.1, sections 2.3.5
and 4.2: a method frame, a header frame, and the body's frames.
"""

import struct
from collections.abc import Mapping

from pika import frame, spec

from chassis.contracts.events import CONTENT_TYPE
from chassis.messaging.topology import PERSISTENT

_FLAGS = (
    spec.BasicProperties.FLAG_CONTENT_TYPE
    | spec.BasicProperties.FLAG_HEADERS
    | spec.BasicProperties.FLAG_DELIVERY_MODE
    | spec.BasicProperties.FLAG_MESSAGE_ID
    | spec.BasicProperties.FLAG_TIMESTAMP
    | spec.BasicProperties.FLAG_TYPE
)
_END = bytes((spec.FRAME_END,))
_LONG = struct.Struct(">I").pack
_TIMESTAMP = struct.Struct(">Q").pack
# A frame's type, its channel, and the number of bytes that follow.
_BEGIN = struct.Struct(">BHI").pack
# A content header's class, its weight, the body's size, and the flags of its properties.
_CONTENT = struct.Struct(">HHQH").pack


class Publications:
    """Encodes publications for one channel, persistent and mandatory.

    `largest`: the most bytes of a body in one frame, as negotiated with the broker.
    """

    def __init__(self, channel: int, exchange: str, largest: int) -> None:
        self._channel, self._exchange, self._largest = channel, exchange, largest
        self._methods: dict[str, bytes] = {}
        self._names: dict[str, bytes] = {}

    def write(
        self, kind: str, event_id: str, made_at: int, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        """Return the frames of one event; `made_at` in seconds since 1970.

        Raises ValueError if `kind`, `event_id` or a header's name has more than 255 bytes.
        """
        properties = b"".join(
            (
                _short(CONTENT_TYPE),
                self._table(headers),
                bytes((PERSISTENT,)),
                _short(event_id),
                _TIMESTAMP(made_at),
                _short(kind),
            )
        )
        content = _CONTENT(spec.BasicProperties.INDEX, 0, len(body), _FLAGS) + properties
        return b"".join(
            (
                self._method(kind),
                self._frame(spec.FRAME_HEADER, content),
                *(
                    self._frame(spec.FRAME_BODY, body[start : start + self._largest])
                    for start in range(0, len(body), self._largest)
                ),
            )
        )

    def _method(self, kind: str) -> bytes:
        if (known := self._methods.get(kind)) is None:
            publish = spec.Basic.Publish(exchange=self._exchange, routing_key=kind, mandatory=True)
            known = self._methods[kind] = frame.Method(self._channel, publish).marshal()
        return known

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return _BEGIN(kind, self._channel, len(payload)) + payload + _END

    def _table(self, headers: Mapping[str, str]) -> bytes:
        parts: list[bytes] = []
        for name, text in headers.items():
            value = text.encode()
            parts += (self._name(name), _LONG(len(value)), value)
        table = b"".join(parts)
        return _LONG(len(table)) + table

    def _name(self, name: str) -> bytes:
        """Return a header's name and the type tag of a long string."""
        if (known := self._names.get(name)) is None:
            known = self._names[name] = _short(name) + b"S"
        return known


def _short(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > 255:
        raise ValueError(f"{text[:40]!r}... has {len(raw)} bytes; AMQP allows it 255 bytes")
    return bytes((len(raw),)) + raw
