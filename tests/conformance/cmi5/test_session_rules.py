"""What a unit may say in its session: cmi5, sections 7.1.3 and 9, each by its number."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.progress.domain.cmi5.sessions import Unit
from services.progress.domain.cmi5.terms import (
    MASTERY_SCORE,
    MOVE_ON_CATEGORY,
    PROGRESS,
    SESSION_ID,
    LaunchMode,
    Verb,
)
from tests.conformance.cmi5.cases import (
    SESSION,
    Change,
    Json,
    allowed,
    at,
    defined,
    fields,
    judge,
)

INITIALIZED, TERMINATED = Verb.INITIALIZED, Verb.TERMINATED
COMPLETED, PASSED, FAILED = Verb.COMPLETED, Verb.PASSED, Verb.FAILED
CATEGORY_FIELD = "context.contextActivities.category"


def result(**more: Any) -> Change:
    """Return the change that adds to the result."""
    return lambda statement: statement.setdefault("result", {}).update(more)


def without(name: str) -> Change:
    """Return the change that takes a part of the result away."""
    return lambda statement: statement["result"].pop(name)


def scored(scaled: float, mastery: object = 0.8, **more: Any) -> Change:
    """Return the change that adds a score, and the mastery score of the launch."""

    def change(statement: Json) -> None:
        result(score={"scaled": scaled, **more})(statement)
        statement["context"]["extensions"][MASTERY_SCORE] = mastery

    return change


def uncategorised(statement: Json) -> None:
    """Take the category moveon away."""
    del statement["context"]["contextActivities"]["category"][1]


def succeeded(statement: Json) -> None:
    """Set success, with the category that it asks for."""
    result(success=True)(statement)
    statement["context"]["contextActivities"]["category"].append({"id": MOVE_ON_CATEGORY})


def extension(name: str, value: object) -> Change:
    """Return the change that sets an extension of the context."""
    return lambda statement: statement["context"]["extensions"].update({name: value})


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([allowed()], id="7.1.3-allowed"),
        pytest.param([defined(COMPLETED)], id="9.3.3-completed"),
        pytest.param([defined(PASSED)], id="9.3.4-passed without a score"),
        pytest.param([defined(PASSED, 1, scored(0.8))], id="9.3.4-passed with the least score"),
        pytest.param([defined(FAILED, 1, scored(0.79))], id="9.3.5-failed"),
        pytest.param([defined(TERMINATED, 2), allowed()], id="9.3-order by timestamp"),
        pytest.param([defined(COMPLETED), defined(PASSED)], id="9.3-two verbs"),
        pytest.param([allowed(1, result(extensions={PROGRESS: 50}))], id="9.5.5.1-progress"),
        pytest.param(
            [defined(PASSED, 1, scored(0.9, raw=9, min=0, max=10))], id="9.5.1-raw, min and max"
        ),
        pytest.param([allowed(1, result(success=True, completion=True))], id="9.3-allowed is free"),
    ],
)
def test_what_conforms_is_taken(statements: list[Json]) -> None:
    """Each of these is taken after initialized."""
    assert judge(*statements).faults == ()


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        pytest.param(
            allowed(1, lambda one: one["actor"]["account"].update(name="bo")), "actor", id="9.2"
        ),
        pytest.param(
            allowed(1, lambda one: one["context"].update(registration=SESSION.id)),
            "context.registration",
            id="9.6.1",
        ),
        pytest.param(
            allowed(1, extension(SESSION_ID, "x")),
            f"context.extensions[{SESSION_ID}]",
            id="9.6.3.1",
        ),
        pytest.param(
            allowed(1, lambda one: one["context"]["contextActivities"]["grouping"].pop(0)),
            "context.contextActivities.grouping",
            id="9.6.2.3",
        ),
        pytest.param(
            allowed(1, lambda one: one["context"]["contextActivities"]["grouping"].pop()),
            "context.contextActivities.grouping",
            id="10-contextTemplate",
        ),
        pytest.param(allowed(1, lambda one: one.pop("timestamp")), "timestamp", id="9.7-missing"),
        pytest.param(
            allowed(1, lambda one: one.update(timestamp="2026-03-02T10:00:00+02:00")),
            "timestamp",
            id="9.7-not in UTC",
        ),
        pytest.param(allowed(60 * 25), "timestamp", id="9.7-a day in the future"),
        pytest.param(allowed(-1), "timestamp", id="9.3.2-before initialized"),
        pytest.param(defined(INITIALIZED), "verb", id="9.3-initialized twice"),
        pytest.param(
            defined(COMPLETED, 1, lambda one: one["object"].update(id="https://pub.example/quiz")),
            "object.id",
            id="9.4",
        ),
        *(
            pytest.param(defined(verb), "verb", id=f"9.3-{verb.name} is the platform's")
            for verb in (Verb.LAUNCHED, Verb.ABANDONED, Verb.SATISFIED)
        ),
        pytest.param(
            defined("http://adlnet.gov/expapi/verbs/answered"), "verb", id="7.1.3-not allowed"
        ),
        pytest.param(defined(COMPLETED, 1, without("duration")), "result.duration", id="9.5.4.1"),
        pytest.param(defined(PASSED, 1, without("duration")), "result.duration", id="9.5.4.1-p"),
        pytest.param(defined(FAILED, 1, without("duration")), "result.duration", id="9.5.4.1-f"),
        pytest.param(defined(TERMINATED, 1, succeeded), "result.success", id="9.5.2-t"),
        pytest.param(defined(PASSED, 1, result(success=False)), "result.success", id="9.5.2-p"),
        pytest.param(defined(FAILED, 1, result(success=True)), "result.success", id="9.5.2-f"),
        pytest.param(
            defined(COMPLETED, 1, result(completion=False)), "result.completion", id="9.5.3-c"
        ),
        pytest.param(
            defined(PASSED, 1, result(completion=True)), "result.completion", id="9.5.3-p"
        ),
        pytest.param(defined(PASSED, 1, uncategorised), CATEGORY_FIELD, id="9.6.2.2"),
        pytest.param(
            defined(COMPLETED, 1, result(score={"scaled": 1})), "result.score", id="9.5.1-c"
        ),
        pytest.param(
            defined(PASSED, 1, scored(0.9, raw=9)), "result.score", id="9.5.1-raw without min, max"
        ),
        pytest.param(defined(FAILED, 1, scored(-0.1)), "result.score.scaled", id="9.5.1-scaled"),
        pytest.param(defined(PASSED, 1, scored(0.79)), "result.score.scaled", id="9.3.4"),
        pytest.param(defined(FAILED, 1, scored(0.8)), "result.score.scaled", id="9.3.5"),
        pytest.param(
            defined(PASSED, 1, scored(0.9, mastery=0.5)),
            f"context.extensions[{MASTERY_SCORE}]",
            id="9.6.3.2",
        ),
        pytest.param(
            defined(COMPLETED, 1, result(extensions={PROGRESS: 101})),
            f"result.extensions[{PROGRESS}]",
            id="9.5.5.1",
        ),
    ],
)
def test_each_fault_is_told(statement: Json, field: str) -> None:
    """One statement with one fault, after initialized."""
    assert set(fields(judge(statement))) == {field}


def test_9_5_2_a_missing_verdict_is_told() -> None:
    """Passed without success, which then must not have the category moveon, either."""
    assert set(fields(judge(defined(PASSED, 1, without("success"))))) == {
        "result.success",
        CATEGORY_FIELD,
    }


def test_9_3_2_initialized_is_the_first() -> None:
    """Nothing comes before it, neither defined nor allowed; a batch may have it beside others."""
    for statement in (allowed(), defined(COMPLETED), defined(TERMINATED)):
        assert fields(judge(statement, begun=False)) == ["verb"]
    assert judge(defined(COMPLETED, 2), defined(INITIALIZED, 1), begun=False).faults == ()


def test_9_3_8_terminated_is_the_last() -> None:
    """What has a later timestamp is refused, and terminated before another statement, too."""
    ended = judge(defined(TERMINATED, 2))
    assert ended.session.ended_at == at(9)
    assert fields(judge(defined(TERMINATED, 2), allowed(3))) == ["timestamp"]
    assert fields(judge(defined(TERMINATED, 2), last_at=at(3))) == ["timestamp"]


def test_9_3_verbs_come_once() -> None:
    """Each once in a session; completed and passed once in a registration; passed or failed, not
    both.
    """
    for verb in (COMPLETED, PASSED, FAILED, TERMINATED):
        assert "verb" in fields(judge(defined(verb, 1), defined(verb, 1)))
    assert fields(judge(defined(FAILED, 1), defined(PASSED, 2))) == ["verb"]
    assert fields(judge(defined(COMPLETED), unit=Unit(completed_at=at(-9)))) == ["verb"]
    assert fields(judge(defined(PASSED), unit=Unit(passed_at=at(-9)))) == ["verb"]


def test_9_3_no_failure_follows_a_pass() -> None:
    """In a registration; a failure that happened before the pass may come late."""
    assert fields(judge(defined(FAILED, 1), unit=Unit(passed_at=at(0.5)))) == ["verb"]
    assert fields(judge(defined(FAILED, 1), unit=Unit(passed_at=at(2)))) == []


@pytest.mark.parametrize("mode", [LaunchMode.BROWSE, LaunchMode.REVIEW])
def test_10_other_modes_record_no_completion(mode: LaunchMode) -> None:
    """Initialized, terminated and what is allowed are taken, and nothing else."""
    for verb in (COMPLETED, PASSED, FAILED):
        assert fields(judge(defined(verb), mode=mode)) == ["verb"]
    assert judge(allowed(), defined(TERMINATED, 2), mode=mode).faults == ()


def test_a_unit_voids_nothing() -> None:
    """What it said stays said: verdicts would otherwise be taken back."""
    target = {"objectType": "StatementRef", "id": SESSION.id}
    voided = {"id": "http://adlnet.gov/expapi/verbs/voided"}
    assert fields(judge(allowed(1, lambda one: one.update(verb=voided, object=target)))) == ["verb"]


def test_all_faults_of_a_batch_are_told_at_once() -> None:
    """Each with the id of its statement, and the session is as before for what was refused."""
    one, two = defined(COMPLETED, 1, without("duration")), defined(PASSED, 2, scored(0.1))
    found = judge(one, two)
    assert [each.wrong.split()[1] for each in found.faults] == [one["id"], two["id"]]
    assert found.unit == Unit()


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.permutations([COMPLETED, PASSED]))
def test_within_a_batch_timestamps_count_not_places(
    chance: random.Random, verbs: list[Verb]
) -> None:
    """A session that is sent at once, in any order, has the same end."""
    sent = [
        defined(INITIALIZED, 1),
        *(defined(verb, 2 + place) for place, verb in enumerate(verbs)),
        allowed(2.5),
        defined(TERMINATED, 5),
    ]
    chance.shuffle(sent)
    found = judge(*sent, begun=False)
    assert found.faults == ()
    assert found.session.verbs == (INITIALIZED, *verbs, TERMINATED)
    assert {found.unit.completed_at, found.unit.passed_at} == {at(2), at(3)}
