"""What statements prove."""

from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.evidence import Evidence, merged, targets_of, with_statement
from services.progress.domain.statements import Result, Statement, VideoExtensions
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    EXPERIENCED,
    HOUR,
    MONDAY,
    PASSED,
    PAUSED,
    RUN,
    said,
    statement,
    watched,
)

NONE = Evidence(RUN, ADA, "item:film")


def _statement(verb: str, segments: str, hours: int) -> Statement:
    video = VideoExtensions(length=100.0, played_segments=segments)
    return statement(verb=verb, video=video, timestamp=MONDAY + timedelta(hours=hours))


STATEMENTS = st.lists(
    st.builds(
        _statement,
        st.sampled_from([COMPLETED, PASSED, EXPERIENCED, PAUSED]),
        st.sampled_from(["", "0[.]10", "5[.]20[,]40[.]60", "90[.]100", "38.2"]),
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


def test_a_statement_is_evidence_for_all_it_names() -> None:
    """The activity, the item, or both."""
    assert targets_of(statement(activity_id="a", item_id="i")) == ("activity:a", "item:i")
    assert targets_of(statement()) == ("item:film",)
    assert targets_of(said(PASSED, "quiz")) == ("activity:quiz",)


def test_ten_times_a_minute_is_a_minute() -> None:
    """Watching the same again and again adds nothing."""
    found = reduce(with_statement, [watched("0[.]60")] * 10, NONE)
    assert found.watched == ((0.0, 60.0),)
