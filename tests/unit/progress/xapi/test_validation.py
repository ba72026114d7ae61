"""Validation of statements: every fault at once, each with its path, and no exception."""

import gzip
import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given

from chassis.errors import FieldViolation
from services.progress.domain.xapi import data_types
from services.progress.domain.xapi.checks import Check
from services.progress.domain.xapi.timestamps import timestamp
from services.progress.domain.xapi.validation import agent_violations, violations_of
from services.progress.domain.xapi.versions import Version
from tests.deep import DEEP, deep
from tests.unit.progress.xapi.examples import (
    ACTIVITY,
    AGENT,
    CONTEXT,
    SMALL,
    SUB_STATEMENT,
    WHOLE,
    Json,
    changed,
    json_values,
    statements,
)

BOTH = pytest.mark.parametrize("version", Version)
REAL = Path(__file__).resolve().parents[5] / "shared/data/xapi/fun-mooc-statements.json.gz"


@BOTH
@pytest.mark.parametrize(
    "statement", [SMALL, WHOLE, {**SMALL, "object": SUB_STATEMENT}, {**SMALL, "object": AGENT}]
)
def test_a_whole_statement_is_valid(statement: Json, version: Version) -> None:
    """Statements with every property and object are valid in both versions."""
    assert violations_of(statement, version) == []


def test_every_fault_is_told_at_once_with_its_path() -> None:
    """Faults in actor, verb, context and result are told together, each at its place, with what
    would be right.
    """
    statement = {
        "actor": {"mbox": "ana@uni.example", "openid": "x"},
        "verb": {"display": {"en-US": 1}},
        "object": {**ACTIVITY, "Definition": {}},
        "result": {"score": {"scaled": "1", "min": 3, "max": 2}},
        "context": {"contextActivities": {"parent": [ACTIVITY, {"id": "no scheme"}]}},
    }
    told = {each.field: each for each in violations_of(statement, Version.V1_0_3)}
    assert set(told) == {
        "actor.mbox",
        "actor.openid",
        "verb.id",
        'verb.display["en-US"]',
        "object.Definition",
        "result.score.scaled",
        "result.score.min",
        "context.contextActivities.parent[1].id",
    }
    assert told["context.contextActivities.parent[1].id"] == FieldViolation(
        "context.contextActivities.parent[1].id",
        'is "no scheme"',
        "an IRI with its scheme, such as https://uni.example/x (RFC 3987)",
    )


@pytest.mark.parametrize("statement", [None, [], "x", 1, {}])
def test_what_is_no_statement_is_refused(statement: Json) -> None:
    """JSON that is no object, or an empty one, has faults."""
    assert violations_of(statement, Version.V2_0_0)


@BOTH
@given(value=json_values)
def test_any_json_gives_a_list(value: Json, version: Version) -> None:
    """No JSON value raises, as a statement or as any property of one."""
    violations_of(value, version)
    for name in WHOLE:
        violations_of({**WHOLE, name: value}, version)
    for name in CONTEXT:
        violations_of(changed(WHOLE, f"context.{name}", value), version)
    agent_violations(value)


@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        "\ud800",
        "x" * 100_000,
        {"$where": {"a.b": 1}},
        {"\ud800\x00": 1},
        10**400,
        float("inf"),
        float("nan"),
        -1e308,
    ],
)
def test_hostile_values_become_printable_faults(value: Json) -> None:
    """Huge numbers, control characters and lone surrogates are refused in words that are short and
    can be written as UTF-8.
    """
    bad = {"actor": {"name": value, value if isinstance(value, str) else "x": 1}, "verb": value}
    for each in violations_of(bad, Version.V1_0_3):
        assert len(str(each).encode()) < 1000


@pytest.mark.parametrize(
    ("check", "start", "repeated"),
    [
        (data_types.iri, "a:", "%aa"),
        (data_types.iri, "a://[", ":"),
        (data_types.uri, "a:", "//"),
        (data_types.mailto, "mailto:a@", "a."),
        (data_types.mailto, "mailto:", "a."),
        (data_types.duration, "P", "1"),
        (data_types.duration, "PT", "1.1H"),
        (data_types.language_tag, "en", "-a-bc"),
        (data_types.language_tag, "en", "-abcde"),
        (data_types.language_tag, "x", "-a"),
        (data_types.media_type, "a/b", ";a=b"),
        (data_types.media_type, 'a/b;c="', "\\\\"),
        (timestamp(Version.V1_0_3), "2026-03-02T08:00:00.", "1"),
        (timestamp(Version.V1_0_3), "2026-03-02T08", "-00"),
    ],
)
def test_long_texts_are_checked_in_one_pass(check: Check, start: str, repeated: str) -> None:
    """A text of a hundred thousand repetitions with a wrong end is refused; a pattern that tried it
    in several ways would not end.
    """
    assert check(start + repeated * 100_000 + "\n!")


def test_deep_nesting_is_no_trouble() -> None:
    """An extension of a hundred thousand levels takes no recursion."""
    deep: Json = 1
    for _ in range(100_000):
        deep = [deep]
    extension = {"https://uni.example/e": deep}
    assert violations_of(changed(WHOLE, "context.extensions", extension), Version.V1_0_3) == []


@given(statement=statements)
def test_generated_statements_are_valid(statement: Json) -> None:
    """The strategy of the other tests makes valid statements."""
    assert violations_of(statement, Version.V1_0_3) == []


def test_a_parameter_is_checked_as_in_a_statement() -> None:
    """An agent of a query's parameter has the same faults, with paths from the agent on."""
    assert agent_violations(AGENT) == []
    assert [each.field for each in agent_violations({"mbox": 1})] == ["mbox"]
    assert [each.field for each in agent_violations(7)] == ["agent"]


@deep
@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data")
def test_real_statements_are_valid() -> None:
    """Real statements of video players are valid in both versions: 2,000 of them, or all 22,000."""
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        real = [json.loads(line) for line in islice(lines, None if DEEP else 2000)]
    assert len(real) == (22_000 if DEEP else 2000)
    refused = [each for each in real for version in Version if violations_of(each, version)]
    assert refused == []
