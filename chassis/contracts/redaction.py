"""Redaction: bodies of events without what is personal in them, and the people whom they name."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from tandem.options.v1 import options_pb2

from chassis.contracts.events import contracts

# The fields of events that name people.
_PEOPLE = re.compile(r"(?:\w+_)?(?:person|learner|instructor|asker)_ids?|\w+_by")
# protobuf's type stubs know two unrelated classes for this
Descriptor = Any


@cache
def personal_types() -> frozenset[str]:
    """Return the types of events with fields that may hold a name, an address or free text."""
    return frozenset(type_ for type_, cls in contracts().items() if _has_personal(cls.DESCRIPTOR))


@contextmanager
def _bounded() -> Iterator[None]:
    """Turn what is too deep for Python into the ValueError of a body that can't be read."""
    try:
        yield
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error


@_bounded()
def redacted(type_: str, body: bytes, person_id: str) -> bytes | None:
    """Return an event's body without its personal fields, if it names a person (id); None if it
    does not, or has nothing personal.

    Fields that this version does not know stay. Raises ValueError if the body is no JSON, or nested
    too deeply.
    """
    if type_ not in personal_types():
        return None
    data = json.loads(body)
    if not names(data, person_id) or not _clear(data, contracts()[type_].DESCRIPTOR):
        return None
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


@_bounded()
def without_personal(type_: str, body: bytes) -> bytes | None:
    """Return the body of an event of `personal_types` without its personal fields, and without
    those that this version does not know, or whose values are of another kind; None if it has none
    of these.

    Raises ValueError if the body is no JSON object, or nested too deeply.
    """
    data = json.loads(body)
    if not isinstance(data, dict):
        raise ValueError("the body is no object")  # noqa: TRY004
    if not _clear(data, contracts()[type_].DESCRIPTOR, only_known=True):
        return None
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def names(data: Any, person_id: str) -> bool:
    """Return whether a text in parsed JSON, or a name of a member, is a person's id."""
    return person_id in _texts(data)


@_bounded()
def people_of(type_: str, body: bytes) -> set[str]:
    """Return the ids of the people whom the body of an event names, by the names of its fields.

    Raises ValueError if the body is no JSON, or nested too deeply.
    """
    return set(_named(json.loads(body), contracts()[type_].DESCRIPTOR)) - {""}


def _named(data: Any, descriptor: Descriptor) -> Iterator[str]:
    if isinstance(data, list):
        for each in data:
            yield from _named(each, descriptor)
    if not isinstance(data, dict):
        return
    for name, field in _fields(data, descriptor):
        if field.message_type is not None:
            yield from _named(data[name], field.message_type)
        elif _PEOPLE.fullmatch(field.name):
            yield from _texts(data[name])


def _fields(data: Mapping[str, Any], descriptor: Descriptor) -> list[tuple[str, Any]]:
    """Return the names that the data has, with their fields. A field has two names in protobuf's
    JSON, of which readers take both.
    """
    named = {name: field for field in descriptor.fields for name in (field.json_name, field.name)}
    return [(name, named[name]) for name in data if name in named]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _clear(data: Any, descriptor: Descriptor, only_known: bool = False) -> bool:
    """Remove the personal fields of a message, and of those in it, and with `only_known` those that
    this version does not know; return whether there were any.
    """
    found = False
    if isinstance(data, list):
        for each in data:
            found |= _clear(each, descriptor, only_known)
    if not isinstance(data, dict):
        return found
    if only_known:
        found |= _clear_unknown(data, descriptor)
    for name, field in _fields(data, descriptor):
        if _is_personal(field):
            del data[name]
            found = True
        elif field.message_type is not None:
            found |= _clear(data[name], field.message_type, only_known)
    return found


def _clear_unknown(data: dict[str, Any], descriptor: Descriptor) -> bool:
    """Remove what no field of a message has, and objects where a field has none; return whether
    there was any.
    """
    fields = {each.json_name: each for each in descriptor.fields}
    unknown = [
        name
        for name, value in data.items()
        if name not in fields or (fields[name].message_type is None and _has_objects(value))
    ]
    for name in unknown:
        del data[name]
    return bool(unknown)


def _has_objects(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, dict | list) for each in values)


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
