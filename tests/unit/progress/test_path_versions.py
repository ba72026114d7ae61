"""Learners under way keep a consistent path when a new version is published: the rule, as
properties of any two versions and any state of a learner.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.civil import CivilSpan
from services.progress.domain.dues import Dues
from services.progress.domain.enums import ActivityKind, ActivityState, ConditionKind
from services.progress.domain.events import ActivityCompleted
from services.progress.domain.path import Activity, Condition, TimeRule
from services.progress.domain.timeline import TimelineInterval, lines_of_run
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    MONDAY,
    POLICY,
    activity,
    plan,
    run_state,
    said,
)
from tests.unit.progress.under_way import UnderWay

IDS = "abcd"
KINDS = dict(zip(IDS, [ActivityKind.TASK, ActivityKind.CHECKPOINT] * 2, strict=True))
ADDED = MONDAY + 2 * DAY
INSTANTS = st.integers(-3, 9).map(lambda days: TimeRule(fixed=MONDAY + days * DAY))


@st.composite
def versions(draw: Callable[..., object]) -> list[tuple[Activity, ...]]:
    """Two versions: activities that come, go and wait for those before them in the alphabet."""
    found: list[tuple[Activity, ...]] = []
    for number in range(2):
        ids = sorted(draw(st.sets(st.sampled_from(IDS), min_size=1)))  # type: ignore[call-overload]
        made: list[Activity] = []
        for id_ in ids:
            before = [each.id for each in made]
            scored = [each for each in before if draw(st.booleans())]
            made.append(
                activity(
                    id_,
                    KINDS[id_],
                    requires=tuple(each for each in before if draw(st.booleans())),
                    release=draw(st.none() | INSTANTS),
                    deadline=draw(st.none() | INSTANTS),
                    optional=draw(st.booleans()),
                    opens_when=tuple(
                        Condition(each, ConditionKind.SCORED, score=0.5) for each in scored
                    ),
                    added_at=ADDED if number and id_ not in {x.id for x in found[0]} else None,
                )
            )
        found.append(tuple(made))
    return found


def may_be_done(ada: UnderWay, activity_id: str) -> bool:
    """Whether an activity is not locked for Ada."""
    return ada.rows()[activity_id].state is not ActivityState.LOCKED


def in_week(ada: UnderWay) -> set[str]:
    """The activities of Ada's timeline."""
    interval = TimelineInterval(ADA, MONDAY - 9 * DAY, MONDAY + 99 * DAY, "UTC")
    lines = lines_of_run(ada.learner, ada.plan, interval, ada.store.now)
    return {line.activity_id for line in lines}


@settings(max_examples=100, deadline=None)
@given(versions(), st.sets(st.sampled_from(IDS)))
def test_a_new_version_keeps_what_learners_have(
    both: list[tuple[Activity, ...]], done: set[str]
) -> None:
    """What is completed stays completed, and what was open stays open. What is removed asks for
    nothing, and its completion is kept. What is new asks for something only if it is required, and
    is due after it was added. A replay of any version changes nothing.
    """
    first, second = both
    ada = UnderWay(*first)
    ada.say(*(said(COMPLETED, each) for each in sorted(done)))
    completed = ada.learner.run_state.completed
    could = {each.id for each in first if may_be_done(ada, each.id)}
    ada.store.now = ADDED
    ada.publish(2, *second)
    ids = {each.id for each in second}
    assert completed.items() <= ada.learner.run_state.completed.items()
    assert {each for each in could & ids if not may_be_done(ada, each)} == set()
    assert in_week(ada) <= ids
    assert ada.rows().keys() == ids
    missing = ada.plan.required - ada.learner.run_state.completed.keys()
    assert missing <= {each.id for each in second if not each.optional}
    for row in ada.rows().values():
        if ada.plan.activities[row.activity_id].added_at and row.due:
            assert row.due > ADDED
    before, count = ada.learner, len(ada.store.events)
    ada.publish(2, *second)
    ada.publish(1, *first)
    assert (replace(ada.learner, run_state=before.run_state), len(ada.store.events)) == (
        before,
        count,
    )
    assert ada.learner.run_state.opened == before.run_state.opened


@settings(max_examples=50, deadline=None)
@given(versions(), st.permutations(range(4)))
def test_versions_and_completions_end_in_the_same_state_in_any_order(
    both: list[tuple[Activity, ...]], order: list[int]
) -> None:
    """What is completed, and what is due when, does not depend on which version came first."""
    first, second = both
    ends = []
    for steps in (range(4), order):
        ada = UnderWay()
        ada.store.now = ADDED
        made = [
            partial(ada.publish, 1, *first),
            partial(ada.publish, 2, *second),
            partial(ada.say, said(COMPLETED, "a")),
            partial(ada.say, said(COMPLETED, "c")),
        ]
        for step in steps:
            made[step]()
        known = {each: ada.learner.run_state.completed.get(each) for each in ada.plan.activities}
        ends.append((known, {each: row.due for each, row in ada.rows().items()}))
    assert ends[0] == ends[1]


def test_what_comes_back_is_completed_still() -> None:
    """It was completed in the first version, and is not told as completed again in the third."""
    ada = UnderWay(activity("a"), activity("b"))
    ada.say(said(COMPLETED, "a"))
    assert len(ada.told(ActivityCompleted)) == 1
    ada.publish(2, activity("b"))
    assert "a" not in ada.rows()
    ada.publish(3, activity("a", requires=("b",)), activity("b"))
    assert ada.rows()["a"].state is ActivityState.COMPLETED
    assert ada.told(ActivityCompleted) == []


@pytest.mark.parametrize(
    ("came", "days", "span", "due"),
    [
        (MONDAY, 1, None, ADDED + 3 * DAY),
        (MONDAY, 2, None, ADDED + 3 * DAY),
        (MONDAY, 3, None, MONDAY + 3 * DAY),
        (ADDED, 1, None, MONDAY + DAY),
        (MONDAY, 1, CivilSpan(1, time="18:00"), datetime(2026, 3, 5, 18, tzinfo=MONDAY.tzinfo)),
    ],
)
def test_an_added_activity_is_not_past_by_surprise(
    came: datetime, days: int, span: CivilSpan | None, due: datetime
) -> None:
    """Who was under way gets the policy's time for a catch-up, if it was due when it was added; who
    came later has the rule's due; so has everyone, if it was still to come.
    """
    rule = TimeRule(fixed=MONDAY + days * timedelta(days=1))
    one = plan(activity("new", deadline=rule, added_at=ADDED))
    by = replace(one.run, policy=replace(POLICY, catch_up_due=span))
    assert Dues(replace(one, run=by), run_state(enrolled_at=came)).of("new").at == due
