"""Formats of returned statements, and the choice of a language."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.xapi.formats import canonical, exact, ids
from services.progress.domain.xapi.languages import chosen, preferred
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from tests.unit.progress.xapi.examples import (
    ACCOUNT,
    ACTIVITY,
    AGENT,
    SUB_STATEMENT,
    VERB,
    WHOLE,
    Json,
    statements,
)

ANA = {"objectType": "Agent", "mbox": AGENT["mbox"]}
PAIR = {"objectType": "Group", "member": [ANA, ACCOUNT]}


def test_ids_keep_what_identifies() -> None:
    """Agents, groups, verbs and activities keep their identifiers; results stay."""
    told = ids(WHOLE)
    assert told["actor"] == ANA
    assert told["verb"] == {"id": VERB["id"]}
    assert told["object"] == ACTIVITY
    assert told["authority"] == told["context"]["team"] == PAIR
    assert told["context"]["contextActivities"]["parent"] == ACTIVITY
    assert told["result"] == WHOLE["result"]


def test_ids_of_an_identified_group_are_without_members() -> None:
    """An identified group keeps its identifier alone."""
    group = {"objectType": "Group", "name": "T", "openid": "https://t.example", "member": [AGENT]}
    kept = {"objectType": "Group", "openid": "https://t.example"}
    assert ids({**WHOLE, "actor": group})["actor"] == kept


def test_ids_reach_into_a_sub_statement() -> None:
    """A sub-statement's parts are reduced too."""
    inner = ids({**WHOLE, "object": SUB_STATEMENT})["object"]
    assert (inner["actor"], inner["object"]) == (ANA, ACTIVITY)
    assert inner["context"]["team"] == PAIR


def test_canonical_gives_one_language() -> None:
    """Each language map has the one entry that the reader prefers."""
    told = canonical(WHOLE, "de;q=0.9, en;q=0.5")
    definition = told["object"]["definition"]
    assert definition["name"] == {"de-AT": "Eins"}
    assert definition["description"] == {"en": "First"}
    assert definition["choices"] == [{"id": "a", "description": {"de": "Ah"}}, {"id": "b"}]
    assert told["actor"] == AGENT
    assert definition["extensions"] == WHOLE["object"]["definition"]["extensions"]


def test_canonical_takes_the_definitions_of_the_lrs() -> None:
    """A known activity's definition and a known verb's display are the LRS's."""
    definitions = {ACTIVITY["id"]: {"name": {"en": "Ours", "fr": "Nôtre"}}}
    displays = {VERB["id"]: {"fr": "fini"}}
    told = canonical(WHOLE, "fr", definitions, displays)
    assert told["object"]["definition"] == {"name": {"fr": "Nôtre"}}
    assert told["context"]["contextActivities"]["parent"]["definition"] == {"name": {"fr": "Nôtre"}}
    assert told["verb"]["display"] == {"fr": "fini"}


@given(statements)
def test_formats_keep_a_statement_valid_and_unchanged(statement: Json) -> None:
    """A valid statement is valid in each format, and the given one stays as it is."""
    before = copy.deepcopy(statement)
    for told in (exact(statement), ids(statement), canonical(statement, "de, *;q=0.1")):
        assert violations_of(told, Version.V1_0_3) == []
    assert statement == before


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de", "de-AT"),
        ("de-CH", "de-AT"),
        ("en-US", "en-US"),
        ("en-US-x-a", "en-US"),
        ("EN-gb", "en"),
        ("fr", "en"),
        ("", "en"),
        ("*", "en"),
        ("fr;q=1, de;q=0.5, en;q=0.1", "de-AT"),
        ("en;q=0, *", "de-AT"),
        ("en;q=0", "de-AT"),
        ("en;q=0, de;q=0", "en"),
        ("en;q=2, !, de", "de-AT"),
    ],
)
def test_the_best_language_is_chosen(header: str, tag: str) -> None:
    """Weights order the ranges, a shorter form stands in for a range, and the first entry for
    none.
    """
    texts = {"en": "colour", "en-US": "color", "de-AT": "Farbe"}
    assert chosen(texts, preferred(header)) == {tag: texts[tag]}


@given(st.text("enu-*;q=01., ", max_size=40) | st.text(), st.dictionaries(st.text(), st.text()))
def test_any_header_chooses_one_or_none_of_none(header: str, texts: dict[str, str]) -> None:
    """No header raises; a map with entries gives one of them."""
    told = chosen(texts, preferred(header))
    assert len(told) == min(1, len(texts))
    assert told.items() <= texts.items()
