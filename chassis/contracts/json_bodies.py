"""Parsing bodies of events: proto messages from their canonical JSON.

protobuf parses JSON in Python, value by value, and accepts variants that a person may have written
(numbers as texts, fields by either name). Relays send protobuf's own output, which always has one
form. This module parses that form in a third of the time; it leaves every other form to protobuf,
which parses it or says what is wrong (docs/decisions/0021).
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from math import isfinite
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Kinds
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

M = TypeVar("M", bound=Message)
# protobuf's type stubs know two unrelated classes of this
FieldDescriptor = Any
Put = Callable[[Message, Any], object]
"""Sets a field of a message from its JSON value."""
Write = Callable[[Message, Any], object]
"""Writes a JSON value into a message that is a field."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z", re.ASCII)
_WHOLE = re.compile(r"0|-?[1-9]\d*", re.ASCII)


class _Unusual(Exception):
    """The body may not have the form that protobuf writes."""


def parse(body: bytes, cls: type[M]) -> M:
    """Return the message of a body. Raises what `json_format.Parse` raises; unknown fields are
    ignored.
    """
    try:
        message = cls()
        _fill(message, json.loads(body.decode(), object_pairs_hook=_unique))
        return message
    except Exception:  # protobuf parses it, or says what is wrong
        return json_format.Parse(body, cls(), ignore_unknown_fields=True)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unusual
    return found


def _fill(message: Message, values: Any) -> None:
    puts = _puts(message.DESCRIPTOR)
    if type(values) is not dict:
        raise _Unusual
    for name, value in values.items():
        puts[name](message, value)


@cache
def _puts(descriptor: Any) -> Mapping[str, Put]:
    """Return how to set each field, by its JSON name; other fields are unusual."""
    return {
        field.json_name: _repeated(field) if field.is_repeated else _single(field)
        for field in descriptor.fields
        if not _is_special(field)
    }


def _is_special(field: FieldDescriptor) -> bool:
    """Return whether a field depends on other fields, or has a JSON form of its own."""
    kind = field.message_type
    if field.containing_oneof is not None and len(field.containing_oneof.fields) > 1:
        return True
    if kind is None:
        return field.type not in _READERS
    foreign = kind.full_name.startswith("google.protobuf.") and kind.full_name not in _WRITERS
    return foreign or kind.GetOptions().map_entry


def _single(field: FieldDescriptor) -> Put:
    name = field.name
    if field.message_type is not None:
        write = _writer(field)
        return lambda message, value: write(getattr(message, name), value)
    read = _READERS[field.type](field)
    return lambda message, value: setattr(message, name, read(value))


def _repeated(field: FieldDescriptor) -> Put:
    name = field.name
    if field.message_type is None:
        read = _READERS[field.type](field)
        return lambda message, value: getattr(message, name).extend(map(read, _list(value)))
    write = _writer(field)

    def put(message: Message, value: Any) -> None:
        items = getattr(message, name)
        for item in _list(value):
            write(items.add(), item)

    return put


def _writer(field: FieldDescriptor) -> Write:
    return _WRITERS.get(field.message_type.full_name, _present)


def _present(message: Message, value: Any) -> None:
    message.SetInParent()  # an empty message differs from an absent one
    _fill(message, value)


# protobuf writes 0, 3, 6 or 9 digits of a second; Python knows six.
def _instant(message: Any, value: Any) -> None:
    if not _INSTANT.fullmatch(value):
        raise _Unusual
    message.FromDatetime(datetime.fromisoformat(value))


def _known(message: Any, value: Any) -> None:
    message.FromJsonString(value)


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # to Python, True is a number, too
            raise _Unusual
        return value

    return read


def _finite(value: Any) -> float:
    if type(value) not in (float, int) or not isfinite(value):
        raise _Unusual
    return float(value)


def _long(value: Any) -> int:
    if not _WHOLE.fullmatch(value):
        raise _Unusual
    return int(value)


def _enum(field: FieldDescriptor) -> Callable[[Any], int]:
    numbers = {value.name: value.number for value in field.enum_type.values}
    return numbers.__getitem__


_list = _exactly(list)
_WRITERS: Mapping[str, Write] = {
    Timestamp.DESCRIPTOR.full_name: _instant,
    Duration.DESCRIPTOR.full_name: _known,
}
_READERS: Mapping[int, Callable[[FieldDescriptor], Callable[[Any], Any]]] = {
    Kinds.TYPE_STRING: lambda _: _exactly(str),
    Kinds.TYPE_BOOL: lambda _: _exactly(bool),
    Kinds.TYPE_INT32: lambda _: _exactly(int),
    Kinds.TYPE_UINT32: lambda _: _exactly(int),
    Kinds.TYPE_INT64: lambda _: _long,
    Kinds.TYPE_UINT64: lambda _: _long,
    Kinds.TYPE_DOUBLE: lambda _: _finite,
    Kinds.TYPE_ENUM: _enum,
}
