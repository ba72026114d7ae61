"""Mapping between dataclasses and proto messages, and MongoDB documents, by field names.

A domain's dataclass has the field names of its contract's message, so no service copies fields by
hand. Timestamp becomes an aware datetime in UTC, Duration a timedelta, an enum a `StrEnum` whose
values are the contract's names without their prefix (`SeatKind.IN_ROOM` is SEAT_KIND_IN_ROOM).
UNSPECIFIED, an enum value that this version doesn't know, and an absent message become None.

A document may have an enum value of a newer version too. It is read as a member that equals no
known one, and is written back as it was: stores set all fields of what they read, so that None
would replace the newer value (and a seat of a newer kind would look like no seat). A message gets
UNSPECIFIED for it, and a list in a message leaves it out.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, timedelta
from enum import Enum, StrEnum
from functools import cache, partial
from operator import attrgetter, methodcaller
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from cattrs.preconf.bson import make_converter
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

T = TypeVar("T")
M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Enum)
# protobuf's type stubs know two unrelated classes for each of these
FieldDescriptor = Any
EnumDescriptor = Any
Read = Callable[[Any], Any]

_documents = make_converter()
_documents.register_unstructure_hook(timedelta, lambda value: value.total_seconds())
# cattrs would convert each text of it, which MongoDB has as a text: a learner may have hundreds.
_documents.register_structure_hook_func(
    lambda cls: cls == tuple[str, ...], lambda value, _: tuple(value)
)
_documents.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))


@cache
def _member(cls: type[E], value: str) -> E:
    """Return the member with a value; for an unknown value a new one, which `cls` doesn't list."""
    try:
        return cls(value)
    except ValueError:
        made = str.__new__(cast(Any, cls), value)
        made._name_ = made._value_ = str(value)
        return cast(E, made)


_documents.register_structure_hook(StrEnum, lambda value, cls: _member(cls, value))


def to_document(value: object) -> dict[str, Any]:
    """Return a document of a dataclass; its field `id`, if any, becomes `_id`."""
    document: dict[str, Any] = _documents.unstructure(value)
    if "id" in document:
        document["_id"] = document.pop("id")
    return document


def from_document(document: Mapping[str, Any], cls: type[T]) -> T:
    """Return the dataclass of a document made by `to_document`; unknown keys are ignored.

    An unknown enum value is kept (see above), so that no row fails a list.
    """
    raw = dict(document)
    if "_id" in raw:
        raw.setdefault("id", raw["_id"])
    return _documents.structure(raw, cls)


def to_update(before: T, after: T) -> dict[str, Any]:
    """Return the fields of `after` that differ from `before`, for `$set`, without `id`.

    Replacing a document that has several indexes takes MongoDB three times as long.
    """
    pairs = (
        (name, getattr(before, name), getattr(after, name))
        for name in _names(cast(Any, type(after)))
    )
    return {
        name: _documents.unstructure(new)
        for name, old, new in pairs
        if new is not old and new != old  # most are the same object, which is a fast check
    }


def to_message(value: object, cls: type[M], **more: object) -> M:
    """Return a message with the fields of a dataclass; `more` adds or replaces some."""
    message = cls()
    for field in cls.DESCRIPTOR.fields:
        item = more[field.name] if field.name in more else getattr(value, field.name, None)
        if item is not None:
            _write(message, field, item)
    return message


def from_message(message: Message, cls: type[T], **more: object) -> T:
    """Return a dataclass with the fields of a message; `more` adds or replaces some."""
    readers = _readers(cast(Any, cls), message.DESCRIPTOR)
    read = {name: reader(message) for name, reader in readers if name not in more}
    return cls(**read, **more)


def enum_name(enum: EnumDescriptor, number: int) -> str | None:
    """Return the name of an enum value without its prefix.

    None for UNSPECIFIED, and for values that only a newer version of the contract knows.
    """
    value = enum.values_by_number.get(number) if number else None
    return str(value.name.removeprefix(_prefix(enum))) if value else None


def is_unknown(member: Enum) -> bool:
    """Return whether a document had this enum value, and this version doesn't know it."""
    return member.name not in type(member).__members__


def _prefix(enum: EnumDescriptor) -> str:
    return str(enum.values_by_number[0].name.removesuffix("UNSPECIFIED"))


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cls) if each.name != "id")


@cache
def _readers(cls: Any, descriptor: Any) -> tuple[tuple[str, Read], ...]:
    """Return how to read each field that a dataclass and a message share, by name."""
    hints, known = get_type_hints(cls), descriptor.fields_by_name
    return tuple(
        (each.name, _reader(known[each.name], _required(hints[each.name])))
        for each in fields(cls)
        if each.name in known
    )


def _write(message: Message, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        target = getattr(message, field.name)
        for item in value:
            if field.enum_type is None or not is_unknown(item):
                target.append(_scalar_or_message(field, item))
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(_scalar_or_message(field, value))
    else:
        setattr(message, field.name, _scalar_or_message(field, value))


def _scalar_or_message(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        if is_unknown(value):
            return 0
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


def _reader(field: FieldDescriptor, hint: Any) -> Read:
    """Return a function that reads a field of a message as the type `hint`."""
    name, get = field.name, attrgetter(field.name)
    if field.is_repeated:
        of = _plain(field, get_args(hint)[0])
        return lambda message: tuple(x for x in map(of, get(message)) if x is not None)
    of = _plain(field, hint)
    if field.has_presence:
        return lambda message: of(get(message)) if message.HasField(name) else None
    return get if of is _same else lambda message: of(get(message))


def _plain(field: FieldDescriptor, hint: Any) -> Read:
    """Return a function that converts protobuf's value to ours."""
    if field.enum_type is not None:
        is_enum = isinstance(hint, type) and issubclass(hint, Enum)
        return _enum_reader(field.enum_type, hint if is_enum else str)
    kind = field.message_type and GetMessageClass(field.message_type)
    if kind is Timestamp:
        return lambda value: value.ToDatetime(tzinfo=UTC)
    if kind is Duration:
        return methodcaller("ToTimedelta")
    if kind is not None and is_dataclass(hint):
        return partial(from_message, cls=cast(Any, hint))
    return _same


def _enum_reader(enum: EnumDescriptor, cls: Callable[[str], Any]) -> Read:
    found: dict[int, Any] = {}

    def read(number: int) -> Any:
        if number not in found and (name := enum_name(enum, number)):
            found[number] = cls(name)
        return found.get(number)

    return read


def _same(value: T) -> T:
    return value


def _required(hint: Any) -> Any:
    """Return the `X` of `X | None`."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
