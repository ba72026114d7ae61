"""A learner in a run, with everything that the rules need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.evidence import Evidence, targets_of, with_statement
from services.progress.domain.learner_run_state import LearnerRunState, seen
from services.progress.domain.statements import Recorded, Statement


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner in one run."""

    run_state: LearnerRunState
    evidence: Mapping[str, Evidence]
    """Evidence by target; at least for the targets that are evaluated."""
    catch_ups: Mapping[str, CatchUp]
    """All of the learner's catch-ups, by session."""
    at_hand: frozenset[str] | None = None
    """The targets whose evidence is in `evidence`, if there is any; None: all."""
    judged_again: frozenset[str] = frozenset()
    """The targets of which a statement was voided: what they had completed may not be any more."""


def did(learner: Learner, statement: Statement) -> Learner:
    """Return the learner after one more statement."""
    run_state, evidence = learner.run_state, dict(learner.evidence)
    for target in targets_of(statement):
        known = evidence.get(target) or Evidence(*run_state.key, target, vouched=())
        evidence[target] = with_statement(known, statement)
    return replace(learner, run_state=seen(run_state, statement.timestamp), evidence=evidence)


def did_all(learner: Learner, recorded: Recorded) -> Learner:
    """Return the learner after more statements. Repeated statements change nothing."""
    return reduce(did, recorded.statements, learner)


def without_voided(learner: Learner, targets: frozenset[str], remaining: Recorded) -> Learner:
    """Return the learner whose evidence on some targets is that of the remaining statements alone.

    What these targets had completed is judged again by the next review. The run state counts as
    changed, so that a unit of work that still applies what was voided starts again.
    """
    run_state = replace(learner.run_state, writes=learner.run_state.writes + 1)
    fresh = {target: Evidence(*run_state.key, target, vouched=()) for target in targets}
    evidence = {**learner.evidence, **{t: e for t, e in fresh.items() if t in learner.evidence}}
    bare = replace(learner, run_state=run_state, evidence=evidence, judged_again=targets)
    return did_all(bare, remaining)
