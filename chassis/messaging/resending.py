"""The properties and headers of a message that we publish again: to a delay, to the dead letters,
or back to its queue.

The broker acts on some properties and headers, and refuses others: an expiration would remove a
dead letter, a `user_id` must be the publisher's own, `CC` and `BCC` name further queues, which
would get the message with our permissions. So we send again only what describes the event and is
harmless.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chassis.messaging import topology

# This header names the headers that could not be kept.
LOST = "x-tandem-lost-headers"
# Sender-selected distribution (RabbitMQ).
_ROUTING = ("CC", "BCC")
_TEXTS = ("message_id", "type", "correlation_id", "app_id", "content_type", "content_encoding")
LONGEST_SHORT = 255
# A frame has 131,072 bytes by default, and a message's headers must fit into one. The rest is for
# headers that we and the broker add.
ROOM = 100_000
_LEAST, _BEYOND = -(2**63), 2**63


def properties(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a message's properties that may be sent again, without its headers."""
    kept = {
        name: given[name]
        for name in _TEXTS
        if isinstance(given.get(name), str) and _is_short(given[name])
    }
    timestamp = given.get("timestamp")
    return {**kept, "timestamp": timestamp} if isinstance(timestamp, int) else kept


def headers(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return those of a message's headers that may be sent again, the smallest if room is short.

    Headers that the broker added are left out. Values without an AMQP type become text. The header
    `LOST` names the headers that can't be kept.
    """
    fitting, lost = _fitting(given or {})
    kept: dict[str, Any] = {}
    room = ROOM
    for name, value in sorted(fitting.items(), key=lambda field: size(field)):
        room -= size((name, value))
        if room < 0:
            lost.append(name)
        else:
            kept[name] = value
    return {**kept, LOST: ", ".join(sorted(lost))[:1000]} if lost else kept


def size(value: Any) -> int:
    """Return how many bytes an encoded value takes at most, with any encoder."""
    if isinstance(value, str | bytes):
        return 5 + len(_raw(value))
    if isinstance(value, Mapping):
        return 5 + sum(size(field) for field in value.items())
    if isinstance(value, list | tuple):
        return 5 + sum(map(size, value))
    return 9


def _fitting(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    fitting, lost = {}, []
    for name, value in given.items():
        if name in topology.BROKERS:
            continue
        if name in _ROUTING or not all(map(_is_short, _names({name: value}))):
            lost.append(name[:LONGEST_SHORT])
        else:
            fitting[name] = _plain(value)
    return fitting, lost


def _names(value: Any) -> Iterator[str]:
    """Yield the names in a table, and in the tables within it."""
    if isinstance(value, Mapping):
        yield from value
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _names(inner)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if _has_form(value) else str(value)


def _has_form(value: Any) -> bool:
    """Return whether both libraries' encoders and the broker accept a value.

    pika can't encode floats; RabbitMQ 3.10 does not accept decimals in streams: it closes the
    publisher's connection.
    """
    if isinstance(value, int):
        return _LEAST <= value < _BEYOND
    return value is None or isinstance(value, str | bytes | datetime)


def _is_short(text: str) -> bool:
    return len(_raw(text)) <= LONGEST_SHORT


def _raw(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
