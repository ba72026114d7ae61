"""When two statements say the same."""

import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.xapi.equality import same
from tests.unit.progress.xapi.examples import (
    ACCOUNT,
    ACTIVITY,
    AGENT,
    ATTACHMENT,
    GROUP,
    SUB_STATEMENT,
    VERB,
    WHOLE,
    Json,
    changed,
    statements,
)

IN_A_SUB_STATEMENT = {**WHOLE, "object": SUB_STATEMENT}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "AA97B177-9383-4934-8543-0F91A7A02837"),
        ("authority", AGENT),
        ("stored", "2026-03-03T08:00:01Z"),
        ("version", "1.0.0"),
        ("attachments", [{**ATTACHMENT, "length": 28}]),
        ("timestamp", "2026-03-02T10:00:00.123+02:00"),
        ("timestamp", "2026-03-02T08:00:00.1239Z"),
        ("verb.display", {"de": "fertig"}),
        ("object.definition", {"name": {"de": "Eins"}}),
        ("actor.mbox", "MAILTO:ana@UNI.example"),
        ("result.score.raw", 5.0),
        ("context.registration", WHOLE["id"].upper()),
        ("context.language", "EN-us"),
        ("context.statement.id", WHOLE["id"].upper()),
        ("context.team.member", [ACCOUNT, AGENT]),
        ("context.contextActivities.parent", [{**ACTIVITY, "definition": {"name": {"en": "x"}}}]),
    ],
)
def test_what_is_not_compared_makes_no_difference(path: str, value: Json) -> None:
    """What the LRS sets, and how the same is written, may differ."""
    other = changed(WHOLE, path, value)
    assert same(WHOLE, other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("timestamp", "2026-03-02T08:00:00.124Z"),
        ("verb.id", VERB["id"] + "x"),
        ("object.id", "https://uni.example/A/1"),
        ("object.objectType", "Agent"),
        ("actor.name", "Eva"),
        ("actor.mbox", "mailto:Ana@uni.example"),
        ("result.duration", "PT90.5S"),
        ("result.duration", "PT1M30.50S"),
        ("result.success", 1),
        ("result.extensions", {"https://uni.example/e": False}),
        ("context.team.member", [AGENT]),
        ("context.contextActivities.category", [ACTIVITY]),
    ],
)
def test_what_is_compared_makes_a_difference(path: str, value: Json) -> None:
    """Another actor, verb, object, result, context or time is another statement; so is a duration
    that is written in another way.
    """
    other = changed(WHOLE, path, value)
    assert not same(WHOLE, other)


@pytest.mark.parametrize(
    ("path", "value", "equal"),
    [
        ("object.verb.display", {"de": "fertig"}, True),
        ("object.object.definition", {}, True),
        ("object.timestamp", "2026-03-02T08:00:00.123+00:00", True),
        ("object.actor.name", "Eva", False),
        ("object.context.platform", "app", False),
    ],
)
def test_a_sub_statement_is_compared_alike(path: str, value: Json, equal: bool) -> None:
    """The same holds inside of a sub-statement."""
    assert same(IN_A_SUB_STATEMENT, changed(IN_A_SUB_STATEMENT, path, value)) is equal


def test_a_timestamp_that_the_lrs_set_is_as_if_absent() -> None:
    """A statement without timestamp is the same as the stored one, whose timestamp is stored."""
    sent = {name: value for name, value in WHOLE.items() if name not in ("timestamp", "stored")}
    kept = {**sent, "timestamp": "2026-03-02T08:00:01Z", "stored": "2026-03-02T08:00:01.000Z"}
    assert same(sent, kept)
    assert not same(sent, WHOLE)


def test_durations_are_compared_to_hundredths_of_a_second() -> None:
    """What is beyond 0.01 seconds does not count (part 2, section 4.6)."""
    one = changed(WHOLE, "result.duration", "PT1M30.129S")
    assert same(one, changed(WHOLE, "result.duration", "PT1M30.12S"))
    assert not same(one, changed(WHOLE, "result.duration", "PT1M30.13S"))


def test_groups_of_a_context_are_compared_without_order() -> None:
    """contextGroups and contextAgents of 2.0.0 are compared by whom they name."""
    one = changed(WHOLE, "context.contextGroups", [{"objectType": "contextGroup", "group": GROUP}])
    turned = {**GROUP, "member": GROUP["member"][::-1]}
    other = changed(one, "context.contextGroups", [{"objectType": "contextGroup", "group": turned}])
    assert same(one, other)


@given(st.lists(statements, min_size=3, max_size=3))
def test_same_is_an_equivalence(some: list[Json]) -> None:
    """Each is the same as itself; it holds in both directions, and over a third."""
    for one, other, third in itertools.permutations([*some, copy.deepcopy(some[0])], 3):
        assert same(one, one)
        assert same(one, other) == same(other, one)
        if same(one, other) and same(other, third):
            assert same(one, third)


@given(statements)
def test_comparing_changes_nothing(statement: Json) -> None:
    """The statement stays as it was, with its members in their order."""
    before = copy.deepcopy(statement)
    assert same(statement, statement)
    assert statement == before
