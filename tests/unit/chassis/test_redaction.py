"""What is personal in an event goes, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.events import contracts
from chassis.contracts.redaction import personal_types, redacted
from chassis.privacy.letters import DELETED, changing

ASKED = "tandem.sessions.question.asked.v1"
UPSERTED = "tandem.catalog.person.upserted.v1"
IDS = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=20)


def test_personal_types_are_those_of_the_catalogue() -> None:
    """Events with a name, an address or free text are known from their contracts."""
    assert {ASKED, UPSERTED, "tandem.catalog.due.extended.v1"} <= personal_types()
    assert "tandem.sessions.seat.taken.v1" not in personal_types()
    assert personal_types() < contracts().keys()


@given(IDS, st.text(min_size=1), st.dictionaries(st.text(), st.text()))
def test_only_personal_fields_go(person: str, text: str, unknown: dict[str, str]) -> None:
    """What is not personal stays as it was, also fields that this version does not know."""
    rest = {**unknown, "questionId": "q", "askerId": person}
    rest.pop("question", None)
    new = redacted(ASKED, json.dumps({**rest, "question": text}).encode(), person)
    assert new is not None
    assert json.loads(new) == rest


@given(IDS, IDS)
def test_events_of_others_stay(person: str, other: str) -> None:
    """An event that does not name the person stays, even if the id is a part of another one."""
    body = json.dumps({"askerId": other + person + other, "question": f" {person}"}).encode()
    assert redacted(ASKED, body, person) is None


def test_a_redacted_event_stays_redacted() -> None:
    """There is nothing to change in it any more."""
    body = json.dumps({"personId": "p", "email": "a@b.example", "zone": "UTC"}).encode()
    new = redacted(UPSERTED, body, "p")
    assert new == b'{"personId":"p","zone":"UTC"}'
    assert redacted(UPSERTED, new, "p") is None


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("type_", "body", "becomes"),
    [
        (UPSERTED, b'{"personId":"p","givenName":"P"}', b'{"personId":"p"}'),
        (UPSERTED, b'{"personId":"p","givenName', DELETED),
        (UPSERTED, b'{"person_id":"p","given_name":"P"}', b'{"person_id":"p"}'),
        (UPSERTED, b"\xff\xfe of somebody else", None),
        (UPSERTED, b'{"personId":"p","x":' + DEEP + b"}", DELETED),
        (UPSERTED, DEEP, None),
        ("", b'{"who":"p"}', DELETED),
        ("", b'{"who":"q"}', None),
        ("", b'{"who":"sp4","p2":[{"seats":1}]}', None),
        ("", b'{"seats":{"p":1}}', DELETED),
        ("tandem.new.thing.happened.v2", b'{"learnerId":"4p11"}', None),
        ("tandem.new.thing.happened.v2", b'{"learnerId":["p"]}', DELETED),
        ("tandem.new.thing.happened.v2", b'{"learnerId":"p', DELETED),
        ("tandem.sessions.seat.taken.v1", b'{"learnerId":"p"}', None),
        (UPSERTED, b"[[[{}]]]", None),
        (UPSERTED, b'["p"]', None),
    ],
)
def test_what_becomes_of_a_dead_letter(type_: str, body: bytes, becomes: Any) -> None:
    """An event loses what is personal; what nobody can read goes if it names the person."""
    assert changing("p")(type_, body) == becomes
