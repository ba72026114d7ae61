"""A message of the history as a line of JSON.

An event is a CloudEvent in JSON (CloudEvents 1.0.2, JSON event format, section 3): its attributes,
and its body as `data`, or as `data_base64` if the body is not JSON in one line. The attribute
`offset` is its offset in the stream, with 20 digits. A message that is no event has `error`, which
says why, and its headers.
"""

import base64
import json
from datetime import UTC
from typing import Any, NamedTuple

import orjson

from chassis.archive.layout import UNREADABLE, group_of
from chassis.contracts import cloudevents
from chassis.messaging.history import Message

# Members that are no attributes of the publisher's.
_OURS = ("offset", "datacontenttype", "data", "data_base64")


class Line(NamedTuple):
    """A message, ready for the file of its group."""

    offset: int
    group: str
    text: bytes


class DamagedLine(ValueError):
    """A line that no archiver wrote; the text says why."""


def encode(message: Message) -> Line:
    """Return the message's line, without a line end. The same message always has the same line."""
    if message.error:
        return Line(message.offset, UNREADABLE, _unreadable(message, message.error))
    try:
        return _event(message)
    except Exception as error:  # whatever a stranger published is archived
        return Line(message.offset, UNREADABLE, _unreadable(message, str(error)))


def decode(text: bytes) -> Message:
    """Return the message of a line. Raises DamagedLine."""
    try:
        return _message(json.loads(text), text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedLine(f"{error!r}: {text[:100]!r}") from error


def _event(message: Message) -> Line:
    found = cloudevents.read(message.headers, message.content_type)
    raw = cloudevents.raw(message.headers)
    attributes = {name: value for name, value in raw.items() if isinstance(value, str)}
    attributes["time"] = found.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if found.sequence:
        attributes["sequence"] = f"{found.sequence:020d}"
    line = {
        "offset": f"{message.offset:020d}",
        **{name: value for name, value in attributes.items() if name not in _OURS},
        **_content_type(message),
        **_data(message.body),
    }
    return Line(message.offset, group_of(found.time, found.type), orjson.dumps(line))


def _message(line: dict[str, Any], text: bytes) -> Message:
    offset = int(line["offset"])
    if "error" in line and "id" not in line:  # an event has an id
        return Message(offset, {}, b"", None, line["error"])
    headers = {
        f"{cloudevents.PREFIX}{name}": value for name, value in line.items() if name not in _OURS
    }
    return Message(offset, headers, _body(line, text), line.get("datacontenttype"))


def _data(body: bytes) -> dict[str, Any]:
    """Return the body as it is, if it is JSON in one line."""
    try:
        orjson.loads(body)
    except ValueError:
        return {"data_base64": base64.b64encode(body).decode()}
    if b"\n" in body or b"\r" in body:
        return {"data_base64": base64.b64encode(body).decode()}
    return {"data": orjson.Fragment(body)}


def _body(line: dict[str, Any], text: bytes) -> bytes:
    if "data_base64" in line:
        return base64.b64decode(line["data_base64"], validate=True)
    # `data` is the last member, and the body's own bytes are between it and the end.
    _, found, rest = text.partition(b',"data":')
    if not found or not rest.endswith(b"}"):
        raise ValueError("there is no data")
    return rest[:-1]


def _content_type(message: Message) -> dict[str, str]:
    return {"datacontenttype": message.content_type} if message.content_type else {}


def _unreadable(message: Message, error: str) -> bytes:
    line = {
        "offset": f"{message.offset:020d}",
        "error": error,
        "headers": message.headers,
        **_content_type(message),
        "data_base64": base64.b64encode(message.body).decode(),
    }
    return json.dumps(line, default=repr, separators=(",", ":")).encode()
