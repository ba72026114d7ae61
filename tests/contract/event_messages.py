"""Messages of events, made from their descriptors."""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Kinds
from google.protobuf.message import Message
from hypothesis import strategies as st
from tandem.options.v1 import options_pb2

Draw = Callable[[st.SearchStrategy[Any]], Any]
INT32 = st.integers(-(2**31), 2**31 - 1)
TIMESTAMP, DURATION = "google.protobuf.Timestamp", "google.protobuf.Duration"
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799  # years 1 to 9999
LONGEST = 315_576_000_000  # seconds of a Duration
HUGE_TEXT, MANY = 100_000, 500
SELDOM = st.integers(0, 29).map(lambda number: number == 29)


@st.composite
def messages(draw: Draw, cls: type[Message]) -> Message:
    """Any message that keeps to the rules of its fields: from an empty to a huge one."""
    message = cls()
    _fill(draw, message)
    return message


def _fill(draw: Draw, message: Any) -> None:
    for field in message.DESCRIPTOR.fields:
        rule = field.GetOptions().Extensions[options_pb2.rule]
        if field.is_repeated:
            _add(draw, message, field, rule)
        elif rule.required or draw(st.booleans()):
            _set(draw, message, field, rule)


def _set(draw: Draw, message: Any, field: Any, rule: Any) -> None:
    if field.message_type is None:
        setattr(message, field.name, draw(_values(field, rule)))
    else:
        getattr(message, field.name).SetInParent()
        _fill_part(draw, getattr(message, field.name))


def _add(draw: Draw, message: Any, field: Any, rule: Any) -> None:
    """Add a few values, or one of them many times."""
    values = getattr(message, field.name)
    most = rule.max_items or MANY
    for _ in range(draw(st.integers(0, 2))):
        if field.message_type is None:
            values.append(draw(_values(field, rule)))
        else:
            _fill_part(draw, values.add())
    if values and draw(SELDOM):
        values.extend([values[0]] * (most - len(values)))


def _fill_part(draw: Draw, part: Any) -> None:
    name = part.DESCRIPTOR.full_name
    if name == TIMESTAMP:
        part.seconds, part.nanos = draw(st.integers(EARLIEST, LATEST)), draw(_nanos())
    elif name == DURATION:
        sign = draw(st.sampled_from((-1, 1)))
        part.seconds = sign * draw(st.integers(0, LONGEST - 1))
        part.nanos = sign * draw(_nanos())
    else:
        _fill(draw, part)


def _nanos() -> st.SearchStrategy[int]:
    return st.one_of(
        st.just(0), st.integers(0, 999).map(lambda ms: ms * 10**6), st.integers(0, 10**9 - 1)
    )


def _values(field: Any, rule: Any) -> st.SearchStrategy[Any]:
    if field.type == Kinds.TYPE_STRING:
        return _texts(rule)
    if field.type == Kinds.TYPE_ENUM:
        known = [
            value.number for value in field.enum_type.values if value.number or not rule.required
        ]
        return st.one_of(st.sampled_from(known), INT32.filter(bool))
    if field.type == Kinds.TYPE_BOOL:
        return st.booleans()
    least = rule.min if rule.HasField("min") else None
    most = rule.max if rule.HasField("max") else None
    if field.type == Kinds.TYPE_DOUBLE:
        return st.floats(least, most, allow_nan=False, allow_infinity=False)
    bits = {Kinds.TYPE_UINT32: 32, Kinds.TYPE_UINT64: 64}[field.type]
    return st.integers(int(least or rule.required), int(most or 2**bits - 1))


def _texts(rule: Any) -> st.SearchStrategy[str]:
    most = rule.max_length or None
    if rule.date:
        return st.dates().map(str)
    short = st.text(min_size=int(rule.required), max_size=most)
    huge = st.just("\u00e9" * (most or HUGE_TEXT))
    return SELDOM.flatmap(lambda is_huge: huge if is_huge else short)


def places(body: Any, descriptor: Any) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Each field in a body: the object that has it, its JSON name, and its descriptor."""
    for field in descriptor.fields:
        name = field.json_name
        if name not in body:
            continue
        yield body, name, field
        kind = field.message_type
        if kind is not None and not kind.full_name.startswith("google."):
            for part in body[name] if field.is_repeated else [body[name]]:
                yield from places(part, kind)


_WRONG_OF_KIND: dict[int, list[Any]] = {
    Kinds.TYPE_STRING: [7, True],
    Kinds.TYPE_BOOL: ["true", 1],
    Kinds.TYPE_DOUBLE: ["0.5", True],
    Kinds.TYPE_UINT32: ["1", 1.5, -1, 2**32, True],
    Kinds.TYPE_UINT64: [5, "-1", "many", ""],
    Kinds.TYPE_ENUM: ["NONSENSE", "", 0.5, 2**31, True],
    Kinds.TYPE_MESSAGE: ["text", 7],
}
_WRONG_OF_NAME: dict[str, list[Any]] = {
    TIMESTAMP: ["2026-03-02", "2026-03-02T09:00:00", "2026-03-02T09:00:00+01:00", 7, {}],
    DURATION: ["1 h", "PT1S", "1", 1, {}],
}


def wrong_values(field: Any) -> Iterator[Any]:
    """Values that a field can't have in JSON."""
    kind = field.message_type
    single = (kind and _WRONG_OF_NAME.get(kind.full_name)) or _WRONG_OF_KIND[field.type]
    if field.is_repeated:
        yield from ({}, "text", 7, None)
        yield from ([wrong] for wrong in single)
    else:
        yield from (*single, [], None)
