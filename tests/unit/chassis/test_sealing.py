"""Sealing events for the archive: what is personal is encrypted, and whole again by the keys."""

import hashlib
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st
from tandem.options.v1 import options_pb2

from chassis.archive import lines, segments
from chassis.archive.layout import Span
from chassis.archive.sealing import (
    FOR,
    NOBODY,
    PERSON_KEY,
    SEALED,
    Keys,
    opened,
    people_in,
    seal,
    sealed_for,
)
from chassis.archive.segments import Piece
from chassis.contracts import events
from chassis.contracts.events import contracts
from chassis.contracts.redaction import people_of, personal_types
from chassis.messaging.history import Message

EXAMPLES = json.loads(Path("kit/tandem_events/examples.json").read_text())
ASKED = "tandem.sessions.question.asked.v1"
CANCELLED = "tandem.sessions.session.cancelled.v1"
# Ids in personal events that name nobody; whoever adds a field decides whether it names somebody.
THINGS = {
    "activity_id",
    "answered_question_id",
    "asked_in",
    "catch_up_id",
    "enrolment_id",
    "event_id",
    "from_session_id",
    "group_ids",
    "item_id",
    "item_ids",
    "message_id",
    "poll_id",
    "question_id",
    "recurrence_id",
    "run_id",
    "series_id",
    "session_id",
    "substitute_item_id",
    "transcript_item_id",
}
PEOPLE = {
    "also_asked_by",
    "answered_by",
    "asker_id",
    "changed_by",
    "closed_by",
    "corrected_by",
    "granted_by",
    "instructor_id",
    "instructor_ids",
    "learner_id",
    "new_instructor_id",
    "offered_by",
    "old_instructor_id",
    "opened_by",
    "person_id",
    "waived_by",
    "withdrawn_by",
}
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
BODIES = st.one_of(
    st.binary(max_size=50),
    st.builds(
        lambda data: json.dumps(data).encode(),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.text(max_size=10)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["question", "askerId", "instructorIds", "later"]),
                    inner,
                    max_size=4,
                ),
            ),
            max_leaves=8,
        ),
    ),
)


def message(type_: str, data: Any, offset: int = 7) -> Message:
    """A message of the history with a body as it is, or as JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    empty = contracts()[type_]()
    event = events.Event("e1", type_, "/tandem/sessions", at, "s", "k", 3, "", empty)
    return Message(offset, events.headers_of(event), body, events.CONTENT_TYPE)


def keys_for(*messages: Message) -> dict[str, bytes | None]:
    """A key for each who is named."""
    return {each: secrets.token_bytes(PERSON_KEY) for each in people_in(messages)}


def fields(descriptor: Any, above: tuple[str, ...] = ()) -> list[Any]:
    """All fields of a message, and of those in it."""
    if descriptor.full_name in above:
        return []
    inner = (*above, descriptor.full_name)
    found = list(descriptor.fields)
    for each in descriptor.fields:
        found += fields(each.message_type, inner) if each.message_type else []
    return found


def test_each_id_of_a_personal_event_is_known_as_a_person_s_or_not() -> None:
    """A field that names somebody, and is not counted, would stay readable after an erasure."""
    found = {
        each.name
        for type_ in personal_types()
        for each in fields(contracts()[type_].DESCRIPTOR)
        if each.type == FieldDescriptor.TYPE_STRING
        and each.name.endswith(("_id", "_ids", "_by", "_in"))
    }
    assert found == THINGS | PEOPLE
    assert {name for name in found if named(name)} == PEOPLE


def named(field: str) -> bool:
    """Whether a field of a personal event names somebody."""
    for type_ in personal_types():
        for each in contracts()[type_].DESCRIPTOR.fields:
            if each.name == field:
                value = ["x"] if each.is_repeated else "x"
                return people_of(type_, json.dumps({each.json_name: value}).encode()) == {"x"}
    return False


@pytest.mark.parametrize("type_", sorted(personal_types()))
def test_nothing_personal_is_left_of_any_type(type_: str) -> None:
    """The line has no personal field, is an event all the same, and whole again by the keys."""
    personal = {
        each.json_name: ["Zebulon"] if each.is_repeated else "Zebulon"
        for each in contracts()[type_].DESCRIPTOR.fields
        if each.GetOptions().Extensions[options_pb2.personal]
    }
    example = EXAMPLES[type_]["data"] | personal
    original = message(type_, example)
    keys = keys_for(original)
    sealed = seal(original, keys)
    assert personal
    assert {**json.loads(sealed.body), **personal} == example
    assert personal.keys().isdisjoint(json.loads(sealed.body))
    assert isinstance(sealed.event, events.Event)
    assert sealed.event.is_sealed
    back = opened(lines.decode(lines.encode(sealed).text), keys)
    assert (back.body, back.event) == (original.body, original.event)
    assert {FOR, SEALED}.isdisjoint(back.headers)


@given(BODIES, st.integers(0, 2**63 - 1))
def test_whatever_the_body_is_it_comes_back_or_less(body: bytes, offset: int) -> None:
    """With the keys the same bytes; the same message is always sealed alike."""
    original = message(ASKED, body, offset)
    keys = keys_for(original)
    sealed = seal(original, keys)
    assert seal(original, keys) == sealed
    assert opened(sealed, keys) == original
    assert b'"question"' not in sealed.body


@given(IDS, IDS, st.text(min_size=12, max_size=40))
def test_one_key_that_is_gone_makes_it_unreadable(asker: str, teacher: str, text: str) -> None:
    """Of whomever it names; before it was sealed, and after."""
    data = {"questionId": "q", "askerId": asker, "instructorIds": [teacher], "question": text}
    original = message(ASKED, data)
    keys = keys_for(original)
    assert set(keys) == {asker, teacher}
    for gone in (asker, teacher):
        left: Keys = {**keys, gone: None}
        for found in (opened(seal(original, keys), left), opened(seal(original, left), keys)):
            assert sealed_for(found) == tuple(sorted({asker, teacher}))
            assert SEALED not in found.headers
            assert "question" not in json.loads(found.body)
        assert SEALED not in seal(original, left).headers


@given(st.data())
def test_nothing_else_opens_it(data: st.DataObject) -> None:
    """Another's key, another place, another event, or another text never give a body."""
    original = message(ASKED, {"askerId": "p", "question": "Why?"})
    keys = keys_for(original)
    sealed = seal(original, keys)
    headers = dict(sealed.headers)
    kind = data.draw(st.sampled_from(["key", "offset", "id", "text", "no text", "people"]))
    if kind == "key":
        keys = keys_for(original)
    elif kind == "offset":
        sealed = replace(sealed, offset=8)
    elif kind == "id":
        headers["cloudEvents_id"] = "another"
    elif kind == "people":
        headers[FOR] = data.draw(st.sampled_from(['["q"]', '[""]', '["p","q"]']))
    else:
        headers[SEALED] = data.draw(st.text(max_size=60)) if kind == "text" else 5
    found = opened(replace(sealed, headers=headers), keys)
    assert json.loads(found.body) == {"askerId": "p"}
    assert sealed_for(found)


@pytest.mark.parametrize(
    "asker",
    [b'"\\ud800"', b"[" * 100_000 + b"]" * 100_000, b'"' + b"x" * 2**20 + b'"'],
    ids=["half a character", "deep", "long"],
)
def test_what_can_be_nobody_s_id_stops_no_archiver(asker: bytes) -> None:
    """No database stores such an id; the event is archived, and comes back whole."""
    original = message(ASKED, b'{"askerId":' + asker + b',"question":"Zebulon"}')
    assert people_in([original]) == {NOBODY}
    keys = keys_for(original)
    line = lines.encode(seal(original, keys)).text
    assert b"Zebulon" not in line
    assert opened(lines.decode(line), keys).body == original.body


@pytest.mark.parametrize("forged", ['["\\ud800"]', "[" * 100_000, json.dumps(["x" * 2**20])])
def test_a_forged_list_of_people_stops_no_reader(forged: str) -> None:
    """It is taken for none."""
    other = message("tandem.sessions.seat.taken.v1", {"learnerId": "p"})
    assert sealed_for(replace(other, headers={**other.headers, FOR: forged})) == ()


def test_names_of_fields_as_in_the_protos_name_people_too() -> None:
    """Readers of protobuf's JSON take both names of a field."""
    body = {"asker_id": "p", "instructor_ids": ["t"], "question": "Why?"}
    assert people_in([message(ASKED, body)]) == {"p", "t"}


def test_what_a_publisher_calls_a_seal_is_none() -> None:
    """Of an erased person nothing is left, under neither prefix."""
    original = message(ASKED, {"askerId": "p", "question": "Why?"})
    forged = {SEALED: "Zebulon", "cloudEvents:sealed": "Zebulon", "cloudEvents:sealedfor": "x"}
    sealed = seal(replace(original, headers={**original.headers, **forged}), {"p": None})
    assert b"Zebulon" not in lines.encode(sealed).text
    assert sealed_for(sealed) == ("p",)


def test_what_names_nobody_has_nobody_s_key() -> None:
    """The reason of a cancelled class is no reader's business who has the bucket alone."""
    original = message(CANCELLED, {"sessionId": "s", "reason": "The heating has failed."})
    assert people_in([original]) == {NOBODY}
    keys = keys_for(original)
    assert sealed_for(seal(original, keys)) == (NOBODY,)
    assert opened(seal(original, keys), keys) == original


def test_fields_that_this_version_does_not_know_are_sealed() -> None:
    """A later version may have made them personal."""
    original = message(CANCELLED, {"sessionId": "s", "nickname": "Zebulon"})
    assert b"Zebulon" not in seal(original, keys_for(original)).body


def test_what_has_nothing_personal_stays_as_it_is() -> None:
    """Other types, events that were redacted before, and messages that are no events."""
    redacted = message(ASKED, {"questionId": "q", "askerId": "p"})
    other = message("tandem.sessions.seat.taken.v1", {"learnerId": "p"})
    strange = Message(7, {}, b"Zebulon", None)
    broken = Message(7, {}, b"", None, "the broker can't hand it over")
    for each in (redacted, other, strange, broken):
        assert seal(each, keys_for(each)) is each
        assert opened(each, {}) is each
    forged = replace(other, headers={**other.headers, FOR: "no list"})
    assert opened(forged, {}) is forged


def test_the_archive_recognizes_the_stream_by_what_was_published() -> None:
    """The fingerprint of a segment is of the message in the stream, and tells nothing personal of
    it: the digest of a short text, all else of which is known, is found by trying.
    """
    original = message(ASKED, {"askerId": "p", "question": "Why?"})
    piece = Piece(Span(7, 7), [original], [])
    segment, contents = segments.pack(piece, keys_for(original))
    assert segment.sealed
    assert segments.is_of(segment.fingerprint, original)
    assert segment.fingerprint != hashlib.sha256(original.body).hexdigest()
    another = replace(original, headers={**original.headers, "cloudEvents_id": "e2"})
    assert not segments.is_of(segment.fingerprint, another)
    assert segments.is_of(hashlib.sha256(original.body).hexdigest(), original)
    plain = message("tandem.sessions.seat.taken.v1", {"learnerId": "p"})
    segment_of_plain, _ = segments.pack(Piece(Span(7, 7), [plain], []), {})
    assert segment_of_plain.fingerprint == hashlib.sha256(plain.body).hexdigest()
    (file,) = segment.files
    assert segments.unpack(file, contents[file.key]) != [original]
    assert segments.read(segment.span, segments.write(segment)) == segment
    before = json.loads(segments.write(segment))
    del before["sealed"]
    assert not segments.read(segment.span, json.dumps(before).encode()).sealed
