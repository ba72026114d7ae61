"""Bodies of events: read as protobuf reads them, whatever stands in them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress

from chassis.contracts import events, json_bodies

TYPES = sorted(events.contracts().values(), key=lambda cls: cls.DESCRIPTOR.full_name)
SPANS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
nanos = st.sampled_from((0, 1, 999_999_999, 500_000_000, 1_000, 123_456_000))


@st.composite
def timestamps(draw: st.DrawFn) -> Timestamp:
    seconds = int(draw(instants).timestamp())
    return Timestamp(seconds=seconds, nanos=draw(nanos))


@st.composite
def durations(draw: st.DrawFn) -> Duration:
    return Duration(seconds=draw(st.integers(0, 315_576_000_000)), nanos=draw(nanos))


def scalars(field: Any) -> st.SearchStrategy[Any]:
    """The values that protobuf accepts in a field without a message."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = [value.number for value in field.enum_type.values]
        return st.sampled_from([*known, 99])  # and one of a newer version
    if field.type in SPANS:
        return st.integers(*SPANS[field.type])
    by_type = {
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_DOUBLE: st.floats() | st.integers(-(2**60), 2**60).map(float),
        FieldDescriptor.TYPE_STRING: st.text(st.characters(exclude_categories=["Cs"])),
    }
    return by_type[field.type]


@st.composite
def filled(draw: st.DrawFn, cls: type[Message]) -> Message:
    """A message with anything in its fields."""
    message: Any = cls()
    for field in cls.DESCRIPTOR.fields:
        for _ in range(draw(st.integers(0, 2 if field.is_repeated else 1))):
            if field.message_type is None:
                value = draw(scalars(field))
            else:
                value = draw(made(field.message_type))
            if field.is_repeated:
                getattr(message, field.name).append(value)
            elif field.message_type is None:
                setattr(message, field.name, value)
            else:
                getattr(message, field.name).CopyFrom(value)
    return message  # type: ignore[no-any-return]


def made(descriptor: Any) -> st.SearchStrategy[Any]:
    """Messages of a field."""
    own: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "google.protobuf.Timestamp": timestamps,
        "google.protobuf.Duration": durations,
    }
    if descriptor.full_name in own:
        return own[descriptor.full_name]()
    return filled(descriptor._concrete_class)


any_event = st.sampled_from(TYPES).flatmap(filled)


def outcome(read: Callable[[], Message]) -> object:
    """The result of reading: a message, or the error's text."""
    try:
        return read().SerializeToString(deterministic=True)
    except Exception as error:
        return type(error), str(error)


def ours_and_theirs(body: bytes, cls: type[Message]) -> tuple[object, object]:
    """The results for a body here, and with protobuf."""
    return (
        outcome(lambda: json_bodies.parse(body, cls)),
        outcome(lambda: json_format.Parse(body, cls(), ignore_unknown_fields=True)),
    )


@given(any_event)
def test_an_event_is_read_as_it_was_written(message: Message) -> None:
    """Every type, with anything in its fields."""
    ours, theirs = ours_and_theirs(events.body_of(message), type(message))
    assert ours == theirs
    assert ours == message.SerializeToString(deterministic=True)


TEXTS = [
    "1",
    "01",
    "1.0",
    "1e3",
    "-0",
    "NaN",
    "Infinity",
    "9s",
    "9.5s",
    "ITEM_KIND_VIDEO",
    "\ud800",
    "2026-03-02T09:00:00Z",
    "2026-03-02T09:00:00.123456789Z",
    "2026-02-30T09:00:00Z",
    "2026-03-02T09:00:60Z",
    "2026-03-02T09:00:00+01:00",
    "2026-03-02t09:00:00z",
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value that contains another value: its container, and its key."""
    found: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


@given(any_event, st.data())
def test_what_differs_is_as_protobuf_has_it(message: Message, data: st.DataObject) -> None:
    """Wrong types, fields by their other names, unknown ones: the same comes of it."""
    value = json.loads(events.body_of(message))
    for _ in range(data.draw(st.integers(1, 3))):
        some = places(value)
        if not some:
            break
        holder, key = data.draw(st.sampled_from(some))
        other = data.draw(json_values)
        if isinstance(holder, dict) and data.draw(st.booleans()):
            names = [field.name for field in type(message).DESCRIPTOR.fields]
            key = data.draw(st.sampled_from([*names, "unknown", "", "@type"]))
        holder[key] = other
    body = json.dumps(value).encode()
    ours, theirs = ours_and_theirs(body, type(message))
    assert ours == theirs


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"runId": "a", "runId": "b"}',
        b'{"runId": "a", "run_id": "b"}',
        b'{"runId": null}',
        b'{"version": 1.0}',
        b'{"version": true}',
        b'{"version": 99999999999}',
        b'{"runId": 7}',
        b'{"activities": {}}',
        b'{"activities": [null]}',
        b'{"activities": [{"optional": "true"}]}',
        b'{"activities": [{"kind": 1}]}',
        b'{"activities": [{"kind": "ACTIVITY_KIND_OF_TOMORROW"}]}',
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b'{"activities": ' * 200,
    ],
)
def test_unusual_bodies_are_as_protobuf_has_them(body: bytes) -> None:
    """The same message, or the same words."""
    ours, theirs = ours_and_theirs(body, catalog.PathPublished)
    assert ours == theirs


def test_what_relays_send_is_not_read_by_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or all of this would be for nothing."""
    sent = progress.StatementsRecorded(learner_id="ada")
    statement = sent.statements.add(id="s", run_id="r", activity_id="a")
    statement.timestamp.FromDatetime(datetime(2026, 3, 2, 9, 0, 0, 125_000, tzinfo=UTC))
    statement.video.length = 600.0
    statement.result.success = True
    body = events.body_of(sent)
    monkeypatch.delattr(json_format, "Parse")
    assert json_bodies.parse(body, progress.StatementsRecorded) == sent
