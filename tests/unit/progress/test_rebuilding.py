"""Rebuilding a learner from the statements gives what grew with each of them."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.enums import Role
from services.progress.domain.evidence import Evidence, item_target
from services.progress.domain.learner import Learner, did_all
from services.progress.domain.learner_run_state import LearnerRunState, seen
from services.progress.domain.rebuilding import is_changed, rebuilt
from services.progress.domain.statements import Recorded, Result, Statement, Stored
from services.progress.domain.video import VideoExtensions
from tests.unit.progress.examples import ADL, DAY, MONDAY, RUN

LEARNER = "ada"
BARE = Learner(LearnerRunState(RUN, LEARNER), {}, {})

results = st.builds(
    Result,
    completion=st.none() | st.booleans(),
    success=st.none() | st.booleans(),
    scaled_score=st.none() | st.floats(-1, 1),
    duration=st.none() | st.timedeltas(timedelta(0), timedelta(hours=1)),
)
videos = st.builds(
    VideoExtensions,
    length=st.sampled_from([0.0, 60.0, 90.0]),
    played_segments=st.sampled_from(["", "0[.]10", "5[.]30[,]40[.]50", "20[.]10"]),
)
statements = st.builds(
    Statement,
    id=st.uuids().map(str),
    learner_id=st.just(LEARNER),
    verb=st.sampled_from(["completed", "passed", "failed", "experienced"]).map(ADL.__add__),
    run_id=st.just(RUN),
    activity_id=st.sampled_from(["", "quiz", "essay"]),
    item_id=st.sampled_from(["film", "book"]),
    timestamp=st.timedeltas(timedelta(0), timedelta(days=30)).map(MONDAY.__add__),
    result=st.none() | results,
    video=st.none() | videos,
    authority=st.sampled_from([Role.LEARNER, Role.SERVICE]),
)


def _stored(said: list[Statement]) -> list[Stored]:
    return [Stored(each, MONDAY) for each in said]


@given(st.lists(statements, max_size=12), st.data())
def test_the_rebuilt_learner_equals_the_live_one(
    said: list[Statement], data: st.DataObject
) -> None:
    """Live in any order and with repeats; rebuilt in the order of the store."""
    again = [data.draw(st.sampled_from(said)) for _ in range(3)] if said else []
    live = did_all(BARE, Recorded(tuple(data.draw(st.permutations([*said, *again]))), MONDAY))
    anew = rebuilt(live, _stored(said))
    assert anew == live
    assert not is_changed(live, anew)


@given(st.lists(statements, min_size=1, max_size=6))
def test_what_no_statement_proves_is_taken_back(said: list[Statement]) -> None:
    """Evidence of nothing stays in its place, but proves nothing."""
    true = did_all(BARE, Recorded(tuple(said), MONDAY))
    target = item_target("never named")
    false = Evidence(RUN, LEARNER, target, passed_at=MONDAY, sittings=b"12345678")
    run_state = replace(true.run_state, scores={"never named": 1.0}, sittings=b"12345678")
    damaged = replace(true, evidence={**true.evidence, target: false}, run_state=run_state)
    anew = rebuilt(damaged, _stored(said))
    assert is_changed(damaged, anew)
    assert not is_changed(true, anew)
    assert anew.evidence[target].passed_at is None


def test_without_statements_nothing_is_left() -> None:
    """When the learner was last seen is what an attendance told."""
    statement = Statement("1", LEARNER, f"{ADL}completed", RUN, "essay", "", MONDAY)
    came = replace(BARE, run_state=seen(BARE.run_state, MONDAY - DAY))
    live = did_all(came, Recorded((statement,), MONDAY))
    anew = rebuilt(live, [])
    assert not is_changed(BARE, anew)
    assert anew.run_state.last_seen_at == MONDAY - DAY
