"""Dataclass <-> proto message, and dataclass <-> MongoDB document, by field names.

A domain's dataclass has the names of its contract's message, so no service writes its own copying.
Timestamp is an aware datetime in UTC, Duration a timedelta; an enum is a `StrEnum` whose values are
the contract's names without their prefix (`SeatKind.IN_ROOM` is SEAT_KIND_IN_ROOM); UNSPECIFIED,
a value that this version doesn't know, and absent messages are None.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, timedelta
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from cattrs.preconf.bson import make_converter
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

T = TypeVar("T")
M = TypeVar("M", bound=Message)
# protobuf's type stubs know two unrelated classes for each of these
FieldDescriptor = Any
EnumDescriptor = Any

_documents = make_converter()
_documents.register_unstructure_hook(timedelta, lambda value: value.total_seconds())
_documents.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))


def to_document(value: object) -> dict[str, Any]:
    """A document of a dataclass; its field `id`, if any, becomes `_id`."""
    document: dict[str, Any] = _documents.unstructure(value)
    if "id" in document:
        document["_id"] = document.pop("id")
    return document


def from_document(document: Mapping[str, Any], cls: type[T]) -> T:
    """The dataclass that `to_document` made the document of; unknown keys are passed over."""
    raw = dict(document)
    if "_id" in raw:
        raw.setdefault("id", raw["_id"])
    return _documents.structure(raw, cls)


def to_update(before: T, after: T) -> dict[str, Any]:
    """What of the document of `after` differs from that of `before`, as `$set` takes it.

    MongoDB takes three times as long to replace a document that has some indexes. `id` is left out.
    """
    pairs = (
        (name, getattr(before, name), getattr(after, name))
        for name in _names(cast(Any, type(after)))
    )
    return {
        name: _documents.unstructure(new)
        for name, old, new in pairs
        if new is not old and new != old  # most are the same object, which is told at once
    }


def to_message(value: object, cls: type[M], **more: object) -> M:
    """A message of a dataclass, with the fields of the same names; `more` adds or replaces some."""
    message = cls()
    for field in cls.DESCRIPTOR.fields:
        item = more[field.name] if field.name in more else getattr(value, field.name, None)
        if item is not None:
            _write(message, field, item)
    return message


def from_message(message: Message, cls: type[T], **more: object) -> T:
    """A dataclass of a message, with the fields of the same names; `more` adds or replaces some."""
    read = {
        name: _read(message, field, hint)
        for name, field, hint in _shared(cast(Any, cls), message.DESCRIPTOR)
        if name not in more
    }
    return cls(**read, **more)


def enum_name(enum: EnumDescriptor, number: int) -> str | None:
    """The name of an enum's value without its prefix.

    None for UNSPECIFIED, and for what only a newer version of the contract knows.
    """
    value = enum.values_by_number.get(number) if number else None
    return str(value.name.removeprefix(_prefix(enum))) if value else None


def _prefix(enum: EnumDescriptor) -> str:
    return str(enum.values_by_number[0].name.removesuffix("UNSPECIFIED"))


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cls) if each.name != "id")


@cache
def _shared(cls: Any, descriptor: Any) -> tuple[tuple[str, FieldDescriptor, Any], ...]:
    """The fields that a dataclass and a message share: name, descriptor, and type without None."""
    hints, known = get_type_hints(cls), descriptor.fields_by_name
    return tuple(
        (each.name, known[each.name], _required(hints[each.name]))
        for each in fields(cls)
        if each.name in known
    )


def _write(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        target = getattr(message, field.name)
        for item in value:
            target.append(_scalar_or_message(field, item))
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(_scalar_or_message(field, value))
    else:
        setattr(message, field.name, _scalar_or_message(field, value))


def _scalar_or_message(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_name[_prefix(field.enum_type) + value.value].number
    if field.message_type is None or isinstance(value, Message):
        return value
    cls = GetMessageClass(field.message_type)
    if cls is Timestamp:
        stamp = Timestamp()
        stamp.FromDatetime(value)
        return stamp
    if cls is Duration:
        duration = Duration()
        duration.FromTimedelta(value)
        return duration
    return to_message(value, cls)


def _read(message: Message, field: FieldDescriptor, hint: Any) -> Any:
    if field.is_repeated:
        (item_hint, *_) = get_args(hint)
        items = (_plain(field, item, item_hint) for item in getattr(message, field.name))
        return tuple(item for item in items if item is not None)
    if field.has_presence and not message.HasField(field.name):
        return None
    return _plain(field, getattr(message, field.name), hint)


def _plain(field: FieldDescriptor, value: Any, hint: Any) -> Any:
    if field.enum_type is not None:
        name = enum_name(field.enum_type, value)
        return hint(name) if name is not None and issubclass(hint, Enum) else name
    if isinstance(value, Timestamp):
        return value.ToDatetime(tzinfo=UTC)
    if isinstance(value, Duration):
        return value.ToTimedelta()
    if isinstance(value, Message) and is_dataclass(hint):
        return from_message(value, hint)  # type: ignore[arg-type]
    return value


def _required(hint: Any) -> Any:
    """The `X` of `X | None`."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
