"""Requests that follow their contract's types: most of a request is sensible, some of it is not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from tests.integration.access_runs import (
    GROUP,
    GUEST,
    OWN,
    RUNS,
    TUTOR,
    UPLOADER,
    about,
    learner_of,
    waiting_for,
)

DEEPEST = 7
"""Messages within messages."""
SENSIBLE = 19
"""Fields of twenty."""

_PEOPLE = [learner_of(OWN), waiting_for(OWN), "teacher", TUTOR, GUEST, UPLOADER]
_KNOWN: Mapping[str, list[str]] = {
    **{
        name: [about(name, run)[name] for run in RUNS]
        for name in (
            "run_id",
            "session_id",
            "series_id",
            "upload_id",
            "item_id",
            "feed_id",
            "poll_id",
        )
    },
    "run_ids": list(RUNS),
    "group_id": [GROUP],
    "group_ids": [GROUP],
    **dict.fromkeys(("learner_id", "person_id", "reader_id", "instructor_id"), _PEOPLE),
    "room_id": ["room", ""],
    "page_token": [""],
    # A repeat of another request would be refused.
    "request_id": [""],
    "zone": ["Europe/Dublin"],
    "local": ["2099-03-02T09:00", "2099-03-02T10:30"],
    "start_date": ["2026-03-02"],
    "end_date": ["2099-12-31"],
    "date": ["2026-03-02"],
    "earliest": ["08:00"],
    "latest": ["18:00"],
    "time": ["18:00"],
    "late_catch_ups_since": [""],
    "rrule": ["FREQ=WEEKLY;COUNT=3"],
    "rdates": ["2099-03-05T09:00"],
    "exdates": ["2099-03-09T09:00"],
    "from_recurrence_id": [""],
    "language": ["en"],
    "languages": ["en"],
    "licence": ["CC-BY-4.0"],
    "identifier": ["doi:10.1000/182"],
    "identifiers": ["doi:10.1000/182"],
    "email": ["ada@example.org"],
    "media_type": ["application/pdf"],
    "sha256": ["ab" * 32],
    "join_url": ["https://example.org/join"],
}
_OTHER_TEXTS = ["Motion", "motion-1", "2099-03-02", "09:00"]
_HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "$where",
    "a.b.$c",
    "../../etc/passwd",
    "' or 1=1 --",
    "<script>alert(1)</script>",
    "\u202egnirts",
    "e\u0301\u0301\u0301",
    "\ud7ff\U0010ffff",
    "x" * 5_000,
    "-1",
    "nan",
    "{",
]
_OTHER_FORMS = [
    "Europe/Dublin",
    "Mars/Olympus",
    "../Europe/Dublin",
    "2026-03-02T09:00",
    "2026-03-29T01:30",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "2026-02-30",
    "2026-03-02",
    "9999-12-31",
    "0000-00-00",
    "25:61",
    "09:00",
    "23:59",
    "FREQ=WEEKLY;COUNT=3",
    "FREQ=SECONDLY",
    "FREQ=WEEKLY;COUNT=99999999999999999999",
    "RRULE:FREQ=WEEKLY\nEXDATE:20260302",
    "https://[",
    "https://example.org/a b",
    "application/pdf",
    "ab" * 32,
]
_EDGES = [0, 1, -1, 2, 10, 100, 10_000, 2**31 - 1, -(2**31), 2**32, 2**62, 2**63 - 1, -(2**63)]
_WEEK = 7 * 24 * 3_600
_SECONDS = [
    *(
        int(datetime(*day, tzinfo=UTC).timestamp())
        for day in ((2030, 1, 1), (2026, 3, 2), (1, 1, 1), (9999, 12, 31))
    ),
    60,
    3_600,
    315_576_000_000,
    *_EDGES,
]


def requests(descriptor: Descriptor) -> st.SearchStrategy[Message]:
    """Requests of a type; fields that name something name what there is, most of the time."""
    found: st.SearchStrategy[Message] = _messages(descriptor, 0)
    return found


def _messages(descriptor: Any, depth: int, name: str = "") -> Any:
    kind = GetMessageClass(descriptor)
    if descriptor.full_name == "google.protobuf.Timestamp":
        later = _WEEK if name.startswith("until") else 0
        return _mostly(st.just(kind(seconds=_SECONDS[0] + later)), _instants(kind))
    if descriptor.full_name == "google.protobuf.Duration":
        return _mostly(st.just(kind(seconds=3_600)), _instants(kind))
    fields = {} if depth == DEEPEST else {f.name: _field(f, depth) for f in descriptor.fields}
    return st.fixed_dictionaries(fields).map(
        lambda values: kind(**{name: value for name, value in values.items() if value is not None})
    )


def _field(field: Any, depth: int) -> Any:
    """Values of a field; None: it is left out."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        return st.dictionaries(_value(key, depth), _value(value, depth), max_size=2)
    one = _value(field, depth)
    if field.is_repeated:
        return st.lists(one, max_size=2)
    return _mostly(one, st.none())


def _value(field: Any, depth: int) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _messages(field.message_type, depth + 1, field.name)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=40)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _texts(field.name)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        values = [value.number for value in field.enum_type.values]
        return _mostly(
            st.sampled_from(values[1:]), st.sampled_from([-1, 0, len(values), 2**31 - 1])
        )
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return _mostly(st.sampled_from([0.5, 1.0]), st.floats(width=32))
    edges = st.sampled_from(_EDGES).map(_WITHIN[field.cpp_type])
    return _mostly(st.sampled_from([0, 1, 2, 10]), edges)


def _texts(name: str) -> Any:
    others = st.sampled_from(_OTHER_FORMS) | st.sampled_from(_HOSTILE) | st.text(max_size=12)
    return _mostly(st.sampled_from(_KNOWN.get(name, _OTHER_TEXTS)), others)


def _instants(kind: Any) -> st.SearchStrategy[Any]:
    nanos = st.sampled_from([0, 0, 1, 999_999_999, -1, 2**31 - 1])
    return st.builds(kind, seconds=st.sampled_from(_SECONDS), nanos=nanos)


def _mostly(sensible: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> Any:
    return st.sampled_from([sensible] * SENSIBLE + [other]).flatmap(lambda chosen: chosen)


_WITHIN = {
    FieldDescriptor.CPPTYPE_INT32: lambda value: max(-(2**31), min(value, 2**31 - 1)),
    FieldDescriptor.CPPTYPE_INT64: lambda value: value,
    FieldDescriptor.CPPTYPE_UINT32: lambda value: abs(value) % 2**32,
    FieldDescriptor.CPPTYPE_UINT64: lambda value: abs(value) % 2**64,
}
