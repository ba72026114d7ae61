"""The parts of a run's plan that a piece of evidence concerns."""

import random

import pytest

from services.progress.domain.completion import done_at
from services.progress.domain.enums import ActivityKind, AttendanceStatus
from services.progress.domain.evidence import activity_target, item_target
from services.progress.domain.review import reviewed
from tests.unit.progress.examples import (
    COMPLETED,
    DAY,
    EXPERIENCED,
    MONDAY,
    activity,
    attendance_with,
    learner,
    plan,
    said,
    session,
    statement,
    watched,
)

ITEM, SESSION = ActivityKind.ITEM, ActivityKind.SESSION
STEPS = (
    activity("watch", ITEM, item_id="film"),
    activity("again", ITEM, item_id="film"),
    activity("read", ITEM, item_id="book"),
    activity("essay"),
    activity("class", SESSION),
)


def test_an_item_concerns_all_that_study_it() -> None:
    """Evidence of an item, or of one activity with it, concerns every activity with it."""
    both = {"watch", "again", "class"}
    assert plan(*STEPS).judged_by([item_target("film")]) == both
    assert plan(*STEPS).judged_by([activity_target("again")]) == both


def test_what_the_path_does_not_have_concerns_nothing() -> None:
    """An unknown activity or item leaves the SESSION activities, which attendance decides."""
    unknown = [item_target("elsewhere"), activity_target("no-such")]
    assert plan(*STEPS).judged_by(unknown) & {each.id for each in STEPS} == {"class"}


@pytest.mark.parametrize("seed", range(20))
def test_judging_what_is_concerned_leaves_nothing_out(seed: int) -> None:
    """A review completes exactly what the rules, asked for every activity, call done."""
    dice = random.Random(seed)
    about = [
        watched("0[.]100"),
        watched("0[.]100", item_id="", activity_id="again"),
        statement(verb=EXPERIENCED, item_id="book"),
        said(COMPLETED, "essay"),
        said(COMPLETED, "unknown"),
    ]
    happened = dice.sample(about, dice.randint(0, len(about)))
    attended = attendance_with(dice.choice(list(AttendanceStatus)))
    ada = learner(*happened, attendance=attended)
    whole = plan(*STEPS, sessions=(session(recording_item_id=""),))
    found = reviewed(ada, whole, MONDAY, MONDAY + DAY).run_state.completed
    assert found.keys() == {each.id for each in STEPS if done_at(each, ada, whole)}
