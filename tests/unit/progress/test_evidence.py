"""What statements prove."""

from dataclasses import replace
from datetime import timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.mapping import from_document
from services.progress.domain.enums import Role
from services.progress.domain.evidence import (
    Evidence,
    merged,
    success_at,
    targets_of,
    with_statement,
)
from services.progress.domain.statements import Result, Statement
from services.progress.domain.video import VideoExtensions
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    EXPERIENCED,
    FAILED,
    HOUR,
    MONDAY,
    PASSED,
    PAUSED,
    RUN,
    said,
    statement,
    watched,
)

NONE = Evidence(RUN, ADA, "item:film", vouched=())


def _statement(
    verb: str, success: bool | None, segments: str, length: float, hours: int
) -> Statement:
    video = VideoExtensions(length=length, played_segments=segments)
    at = MONDAY + timedelta(hours=hours)
    return statement(verb=verb, result=Result(success=success), video=video, timestamp=at)


STATEMENTS = st.lists(
    st.builds(
        _statement,
        st.sampled_from([COMPLETED, PASSED, FAILED, EXPERIENCED, PAUSED]),
        st.sampled_from([None, True, False]),
        st.sampled_from(["", "0[.]10", "5[.]20[,]40[.]60", "90[.]100", "38.2", "9[.]8[,]1[.]2"]),
        st.sampled_from([0.0, 99.5, 100.0, 4000.0]),
        st.integers(0, 50),
    ),
    max_size=8,
)


@given(STATEMENTS, st.data())
def test_order_and_repeats_do_not_matter(statements: list[Statement], data: st.DataObject) -> None:
    """The same statements in any order, some of them twice, give the same evidence."""
    shuffled = data.draw(st.permutations([*statements, *statements[:2]]))
    assert reduce(with_statement, shuffled, NONE) == reduce(with_statement, statements, NONE)


@given(STATEMENTS, STATEMENTS)
def test_merging_is_adding(some: list[Statement], more: list[Statement]) -> None:
    """Evidence of two targets together is what one would have been."""
    one, other = (reduce(with_statement, part, NONE) for part in (some, more))
    assert merged(one, other) == reduce(with_statement, [*some, *more], NONE)


def test_the_first_and_the_last_time_count() -> None:
    """When something was first said, and when anything was last done."""
    late, early = said(PASSED, "quiz", timestamp=MONDAY + HOUR), said(PASSED, "quiz")
    found = reduce(with_statement, [late, early], NONE)
    assert (found.passed_at, found.last_at) == (MONDAY, MONDAY + HOUR)
    assert found.completed_at is None


@pytest.mark.parametrize(
    ("verb", "result", "completed"),
    [
        (COMPLETED, None, True),
        (COMPLETED.replace("http:", "https:"), None, True),
        ("http://activitystrea.ms/schema/1.0/complete", None, True),
        (PAUSED, Result(completion=True), True),
        (COMPLETED, Result(completion=False), False),
        (COMPLETED, Result(success=False), True),
        (EXPERIENCED, None, False),
        ("https://evil.example/completed", None, False),
    ],
)
def test_completion_is_said_by_verb_or_result(
    verb: str, result: Result | None, completed: bool
) -> None:
    """An explicit "not completed" outweighs the verb; strangers' verbs mean nothing."""
    found = with_statement(NONE, said(verb, "task", result))
    assert (found.completed_at is not None) is completed


def test_an_explicit_failure_outweighs_passed() -> None:
    """Passed without success is no pass."""
    assert with_statement(NONE, said(PASSED, "quiz", Result(success=False))).passed_at is None
    assert with_statement(NONE, said(PASSED, "quiz", Result(success=True))).passed_at == MONDAY


@pytest.mark.parametrize(
    ("verb", "result", "passed", "failed", "finished"),
    [
        (PASSED, None, True, False, False),
        (COMPLETED, None, False, False, True),
        (COMPLETED, Result(success=True), True, False, True),
        (COMPLETED, Result(success=False), False, True, False),
        (FAILED, None, False, True, False),
        (FAILED, Result(success=True), False, True, False),
        (FAILED, Result(completion=True), False, True, False),
        (PASSED, Result(success=False), False, True, False),
        (PAUSED, Result(success=True), True, False, False),
        ("https://x.example/did", Result(success=False), False, True, False),
    ],
)
def test_success_and_completion_are_told_apart(
    verb: str, result: Result | None, passed: bool, failed: bool, finished: bool
) -> None:
    """Passed and failed tell success, by verb or result; completed alone tells none."""
    found = with_statement(NONE, said(verb, "quiz", result))
    told = (found.passed_at, found.failed_at, found.finished_at)
    assert tuple(at is not None for at in told) == (passed, failed, finished)
    own = with_statement(NONE, said(verb, "quiz", result, authority=Role.LEARNER))
    assert (own.passed_at, own.failed_at, own.finished_at) == (None, None, None)


def test_the_length_told_last_counts() -> None:
    """A wrong length is repaired by the next statement that tells one, whichever comes first."""
    wrong = replace(watched("0[.]5"), video=VideoExtensions(length=4000.0))
    right = watched("0[.]5", timestamp=MONDAY + HOUR)
    silent = statement(timestamp=MONDAY + 2 * HOUR)
    for told in permutations([wrong, right, silent]):
        assert reduce(with_statement, told, NONE).length == 100.0


def test_evidence_of_an_older_version_keeps_its_meaning() -> None:
    """Its greatest length counts until another is told; what it stored as passed stays passed."""
    named = {"run_id": RUN, "learner_id": ADA, "target": "item:film", "unknown": 1}
    told = {"watched": [[0.0, 5.0]], "length": 4000.0, "completed_at": MONDAY, "passed_at": MONDAY}
    old = from_document({**named, **told}, Evidence)
    assert (old.length, success_at(old)) == (4000.0, MONDAY)
    assert merged(replace(old, length=90.0), old).length == 4000.0
    newer = with_statement(old, watched("0[.]5"))
    assert newer.length == 100.0
    assert merged(newer, old) == newer
    assert success_at(with_statement(old, said(FAILED, "quiz"))) == MONDAY


def test_a_statement_is_evidence_for_all_it_names() -> None:
    """The activity, the item, or both."""
    assert targets_of(statement(activity_id="a", item_id="i")) == ("activity:a", "item:i")
    assert targets_of(statement()) == ("item:film",)
    assert targets_of(said(PASSED, "quiz")) == ("activity:quiz",)


def test_ten_times_a_minute_is_a_minute() -> None:
    """Watching the same again and again adds nothing."""
    found = reduce(with_statement, [watched("0[.]60")] * 10, NONE)
    assert found.watched == ((0.0, 60.0),)
