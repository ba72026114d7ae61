"""Judging who is falling behind, in the unit of work that reviews the learners."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from services.progress.domain import judgement
from services.progress.domain.enums import Key
from services.progress.domain.judgement import RunSilence
from services.progress.domain.learner import Learner
from services.progress.domain.plan import Plan
from services.progress.ports import Store

Learners = Mapping[Key, Learner]


def judge(
    store: Store, before: Learners, after: Learners, plans: Mapping[str, Plan]
) -> dict[Key, Learner]:
    """Return the learners with the verdicts that hold now, and record what changed."""
    needed = [
        key
        for key, each in after.items()
        if judgement.is_needed(before[key], each, plans.get(key[0]), store.now)
    ]
    silences = store.silences({run_id for run_id, _ in needed})
    return {**after, **{key: _judged(store, after[key], plans, silences) for key in needed}}


def _judged(
    store: Store,
    learner: Learner,
    plans: Mapping[str, Plan],
    silences: Mapping[str, RunSilence],
) -> Learner:
    was, run_id = learner.run_state, learner.run_state.run_id
    run_state = judgement.judged(learner, plans.get(run_id), silences.get(run_id), store.now)
    event = judgement.event_between(was, run_state, store.now)
    if event is not None:
        store.record_event(event)
        store.note_verdict({each.kind for each in run_state.behind_reasons})
    return replace(learner, run_state=run_state) if run_state != was else learner


def counted_silences(store: Store, run_ids: Collection[str]) -> list[RunSilence]:
    """Return how long the median learners of runs have been silent, where that is to be counted
    again.
    """
    known = store.silences(run_ids)
    stale = [each for each in run_ids if each not in known or known[each].is_stale(store.now)]
    seen = {each: store.median_last_seen(each) for each in stale}
    return [RunSilence(each, at, store.now) for each, at in seen.items() if at]
