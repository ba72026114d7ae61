"""An example of each event: what a class of Monday, 2 March 2026, in Dublin may have caused.

An example has every field but those whose comment says when they are absent. The same object has
the same id in all of them.
"""

import hashlib
from typing import Any

from event_contracts import DURATION, TIMESTAMP, Contracts, EventType, Field, Part
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto

SOURCE_OF = "/tandem/{}"
EVENT_ID = "0195a3f0-7c00-7000-8000-00000000e7e1"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOW, LATER, DUE = "2026-03-02T09:00:00Z", "2026-03-02T09:50:00Z", "2026-03-09T23:59:59Z"


def body(event: EventType, contracts: Contracts) -> dict[str, Any]:
    """Return an example of an event's body."""
    return _message(event, contracts)


def headers(event: EventType, body: dict[str, Any]) -> dict[str, str]:
    """Return the headers of the event with an example's body."""
    attributes = {
        "specversion": "1.0",
        "id": EVENT_ID,
        "type": event.type,
        "source": SOURCE_OF.format(event.service),
        "time": NOW,
        "subject": body[event.subject],
        "partitionkey": ":".join(body[name] for name in event.partition_key),
        **({} if event.option.without_sequence else {"sequence": f"{7:020d}"}),
        "traceparent": TRACEPARENT,
    }
    return {f"cloudEvents_{name}": value for name, value in attributes.items()}


def _message(message: Part, contracts: Contracts) -> dict[str, Any]:
    return {
        field.name: [_value(message, field, contracts)]
        if field.is_list
        else _value(message, field, contracts)
        for field in message.fields
        if "absent" not in field.comment
    }


def _value(message: Part, field: Field, contracts: Contracts) -> Any:
    name, kind = field.proto.name, field.proto
    if field.part in contracts.enums:
        known = list(contracts.enums[field.part].values)
        return known[2 if name.startswith(("to_", "new_")) and len(known) > 2 else 1]
    if field.part:
        return _message(contracts.parts[field.part], contracts)
    if kind.type_name == TIMESTAMP:
        return _instant(name)
    if kind.type_name == DURATION:
        return "3000s"
    if kind.type == Proto.TYPE_STRING:
        return _text(message, field)
    return _OTHERS[kind.type]


def _instant(name: str) -> str:
    words = set(name.split("_"))
    if words & {"due", "until", "closes", "expires", "deadline"}:
        return DUE
    return LATER if words & {"end", "ends", "ended", "settled"} else NOW


def _text(message: Part, field: Field) -> str:
    name = field.proto.name
    if field.names_people:
        return "t-17" if "instructor" in name or name.endswith("_by") else "s-1042"
    known = _TEXTS.get(f"{message.name}.{name}") or _TEXTS.get(name)
    if known:
        return known
    # Two ids of one kind in an event are of two objects: `from_session_id` and `session_id`.
    if name.endswith(("_id", "_ids", "_in", "_into", "_by", "_from")) or name == "id":
        return _id(name.removesuffix("s").removesuffix("_id"))
    raise SystemExit(f"event_examples.py has no text for {message.name}.{name}")


def _id(of: str) -> str:
    return f"0195a3f0-7c00-7000-8000-{hashlib.sha256(of.encode()).hexdigest()[:12]}"


_OTHERS: dict[int, Any] = {
    Proto.TYPE_BOOL: True,
    Proto.TYPE_DOUBLE: 0.8,
    Proto.TYPE_UINT32: 3,
    Proto.TYPE_UINT64: "734003200",
}
# By the name of the field, or of its message and it.
_TEXTS = {
    "Activity.id": "week-1-waves",
    "Activity.requires": "week-1-reading",
    "activity_id": "week-1-waves",
    "activity_ids": "week-1-waves",
    "answer": "Because the medium does not move with the wave.",
    "cause_activity_id": "week-1-reading",
    "client_id": "player",
    "code": "PHY-101",
    "course_code": "PHY-101",
    "date": "2026-03-09",
    "email": "ada@example.edu",
    "end": "12:00",
    "end_date": "2026-05-22",
    "entitlement_key": "physics",
    "event_type": "tandem.sessions.session.cancelled.v1",
    "exdates": "2026-03-16T09:00:00",
    "family_name": "Example",
    "from_title": "Waves 1",
    "given_name": "Ada",
    "holidays": "2026-03-17",
    "join_url": "https://meet.example.edu/waves-1",
    "language": "en",
    "late_catch_ups_since": "2026-03-02",
    "launch_parameters": "chapter=1",
    "local": "2026-03-02T09:00:00",
    "media_type": "video/mp4",
    "name": "Monday group",
    "new_room": "B 2.07",
    "old_room": "A 1.04",
    "options": "transverse",
    "other_title": "Optics 1",
    "played_segments": "0[.]300[,]420[.]1800",
    "publisher_id": "https://example.edu/cmi5/waves-1",
    "question": "Why does a wave carry energy but no matter?",
    "rdates": "2026-03-19T09:00:00",
    "reason": "The projector is broken.",
    "recurrence_id": "2026-03-02T09:00:00",
    "rendition": "audio",
    "room": "A 1.04",
    "rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=12",
    "session_title": "Waves 1",
    "sha256": hashlib.sha256(b"").hexdigest(),
    "start": "09:00",
    "start_date": "2026-03-02",
    "term": "2026 spring",
    "time": "23:59",
    "title": "Waves 1",
    "url": "https://example.edu/cmi5/waves-1/index.html",
    "verb": "http://adlnet.gov/expapi/verbs/completed",
    "zone": "Europe/Dublin",
}
