"""Redaction: bodies of events without what is personal in them."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tandem.options.v1 import options_pb2

from chassis.contracts.events import contracts

# protobuf's type stubs know two unrelated classes for this
Descriptor = Any


@cache
def personal_types() -> frozenset[str]:
    """Return the types of events with fields that may hold a name, an address or free text."""
    return frozenset(type_ for type_, cls in contracts().items() if _has_personal(cls.DESCRIPTOR))


def redacted(type_: str, body: bytes, person_id: str) -> bytes | None:
    """Return an event's body without its personal fields, if it names a person (id); None if it
    does not, or has nothing personal.

    Fields that this version does not know stay. Raises ValueError if the body is no JSON.
    """
    if type_ not in personal_types():
        return None
    data = json.loads(body)
    if person_id not in _texts(data) or not _clear(data, contracts()[type_].DESCRIPTOR):
        return None
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _clear(data: Any, descriptor: Descriptor) -> bool:
    """Remove the personal fields of a message, and of those in it; return whether there were
    any.
    """
    found = False
    if isinstance(data, list):
        for each in data:
            found |= _clear(each, descriptor)
    if not isinstance(data, dict):
        return found
    for field in descriptor.fields:
        if field.json_name in data and _is_personal(field):
            del data[field.json_name]
            found = True
        elif field.message_type is not None and field.json_name in data:
            found |= _clear(data[field.json_name], field.message_type)
    return found


def _has_personal(descriptor: Descriptor, above: frozenset[str] = frozenset()) -> bool:
    if descriptor.full_name in above:
        return False
    within = above | {descriptor.full_name}
    return any(
        _is_personal(field)
        or (field.message_type is not None and _has_personal(field.message_type, within))
        for field in descriptor.fields
    )


def _is_personal(field: Any) -> bool:
    return bool(field.GetOptions().Extensions[options_pb2.personal])
