"""What the LRS learns of activities from statements."""

import time
from typing import Any

import pymongo
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.xapi.activity_definitions import (
    LARGEST,
    MOST,
    MOST_AT_ONCE,
    definitions_of,
    learned,
    merged,
    told_by,
)
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.metrics import DEFINITIONS
from services.progress.store_definitions import FOR, ActivityDefinitions, Seen

BASE = "https://progress.uni.example/xapi"
ALL = Client("all", {}, {Scope.ALL})
A = "https://uni.example/a"


def _activity(name: str = A, **definition: Any) -> dict[str, Any]:
    return {"id": name, "definition": definition}


def _statement(target: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"object": target, **more}


def test_later_parts_replace_and_languages_join() -> None:
    """A later definition replaces what it tells; languages, extensions and the languages of its
    components are joined with those that were known.
    """
    known = {
        "type": "https://old.example",
        "name": {"en": "old", "de": "alt"},
        "interactionType": "choice",
        "choices": [{"id": "x", "description": {"en": "X"}}, {"id": "gone"}],
        "extensions": {"https://a.example": 1, "https://b.example": {"deep": 1}},
    }
    told = {
        "type": "https://new.example",
        "name": {"en": "new"},
        "choices": [{"id": "x", "description": {"de": "X!"}}, {"id": "y"}],
        "extensions": {"https://b.example": 2},
    }
    assert merged(known, told) == {
        "type": "https://new.example",
        "name": {"en": "new", "de": "alt"},
        "interactionType": "choice",
        "choices": [{"id": "x", "description": {"en": "X", "de": "X!"}}, {"id": "y"}],
        "extensions": {"https://a.example": 1, "https://b.example": 2},
    }


_TEXTS = st.dictionaries(st.sampled_from(["en", "de", "fr"]), st.text(max_size=3), min_size=1)
_PARTS = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("ab")}, optional={"description": _TEXTS}),
    max_size=2,
    unique_by=lambda each: str(each["id"]),
)
_DEFINITIONS = st.fixed_dictionaries(
    {}, optional={"name": _TEXTS, "type": st.sampled_from("xy"), "choices": _PARTS}
)


@given(_DEFINITIONS, _DEFINITIONS)
def test_the_same_again_changes_nothing(known: dict[str, Any], told: dict[str, Any]) -> None:
    """To be told what was told last changes nothing, so that it causes no write."""
    once = merged(known, told)
    assert merged(once, told) == once
    assert merged({}, told) == told


@given(st.permutations([{"en": "a"}, {"de": "b"}, {"fr": "c"}]))
def test_languages_in_any_order(names: list[dict[str, str]]) -> None:
    """Statements in different languages give the same definition in whatever order."""
    found: dict[str, Any] = {}
    for name in names:
        found = dict(merged(found, {"name": name}))
    assert found == {"name": {"en": "a", "de": "b", "fr": "c"}}


def test_which_activities_define() -> None:
    """Counted are the object, the context's activities and the sub-statement's; what has no
    definition, a person or a reference tells nothing.
    """
    sub = {"objectType": "SubStatement", "object": _activity("urn:inner", type="urn:t")}
    context = {
        "contextActivities": {
            "parent": [_activity("urn:parent", type="urn:t"), {"id": "urn:bare"}],
            "other": _activity("urn:other", type="urn:t"),
        }
    }
    found = definitions_of(_statement(sub, context=context))
    assert found.keys() == {"urn:inner", "urn:parent", "urn:other"}
    assert definitions_of(_statement({"objectType": "Agent", "mbox": "mailto:a@x"})) == {}
    assert definitions_of(_statement({"objectType": "StatementRef", "id": "1"})) == {}
    assert definitions_of(_statement({"id": A})) == {}
    assert definitions_of(_statement(_activity())) == {}


def test_what_is_too_large_or_too_much_is_left_out() -> None:
    """A definition that is too large is not learned, and of many only the first ones."""
    large = {"name": {"en": "x" * LARGEST}}
    assert learned({"type": "urn:t"}, large) == {"type": "urn:t"}
    half = {"name": {"en": "x" * (LARGEST // 2)}}
    other = {"name": {"de": "x" * (LARGEST // 2)}}
    assert learned(half, other) == other
    parents = [_activity(f"urn:{number}", type="urn:t") for number in range(MOST + 9)]
    statement = _statement({"id": A}, context={"contextActivities": {"parent": parents}})
    assert len(definitions_of(statement)) == MOST
    several = [_statement(_activity(f"urn:{n}", type="t")) for n in range(MOST_AT_ONCE + 9)]
    assert len(told_by(ALL, BASE, several)) == MOST_AT_ONCE


def test_who_may_define() -> None:
    """Definitions count of clients with the scope define or all, and of a client of runs for these
    runs' activities alone (xAPI 1.0.3, part 3, section 4.2).
    """
    own = f"{BASE}/runs/r1/activities/a"
    statements = [_statement(_activity(name, type="urn:t")) for name in (A, own)]

    def defined(*scopes: Scope, **more: Any) -> set[str]:
        return set(told_by(Client("c", {}, set(scopes), **more), BASE, statements))

    assert defined(Scope.ALL) == defined(Scope.DEFINE) == {A, own}
    assert defined(Scope.STATEMENTS_WRITE, Scope.STATE, Scope.PROFILE) == set()
    assert defined(Scope.DEFINE, run_ids={"r1"}) == {own}
    assert defined(Scope.DEFINE, run_ids={"r2"}) == set()


def test_what_was_seen_is_forgotten_after_a_while() -> None:
    """A definition counts as seen for ten minutes, of the same activity and content alone."""
    now = 0.0
    seen = Seen(lambda: now)
    seen.add(A, {"type": "x"})
    assert seen.has(A, {"type": "x"})
    assert not seen.has(A, {"type": "y"})
    assert not seen.has("urn:b", {"type": "x"})
    now = FOR.total_seconds()
    assert not seen.has(A, {"type": "x"})


def test_few_are_remembered() -> None:
    """Of more definitions than are remembered, the one that came first is forgotten."""
    seen = Seen(time.monotonic, most=2)
    for name in ("urn:1", "urn:2", "urn:1", "urn:3"):
        seen.add(name, {})
    assert [seen.has(f"urn:{number}", {}) for number in (1, 2, 3)] == [True, False, True]


def test_nothing_fails_without_the_database() -> None:
    """While MongoDB is away, nothing is learned and counted as lost, and nobody fails of it."""
    lost = DEFINITIONS.labels("lost")
    before = lost._value.get()
    with pymongo.MongoClient[dict[str, Any]](
        "mongodb://127.0.0.1:1", serverSelectionTimeoutMS=1, connect=False
    ) as client:
        ActivityDefinitions(client["nowhere"]).learn({A: {"type": "urn:t"}})
    assert lost._value.get() == before + 1
