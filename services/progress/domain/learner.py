"""A learner in a run, with everything that the rules need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.evidence import Evidence, blank_of, targets_of, with_statement
from services.progress.domain.learner_run_state import LearnerRunState, without_statements, worked
from services.progress.domain.statements import Recorded, Statement, Stored


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
    taken_back: "TakenBack | None" = field(default=None, compare=False)
    """What something proved that counts no more, until the next review."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Something about a learner counts no more, such as a voided statement."""

    before: Learner
    """The learner with it."""
    remaining: Sequence[Stored] = ()
    """All statements of the learner in the run that count."""
    targets: frozenset[str] = frozenset()
    """What the voided statements were about. The evidence may be the same without them, and another
    statement have proven it first."""


def bare(learner: Learner) -> Learner:
    """Return the learner as if there were no statements."""
    blank = {target: blank_of(each) for target, each in learner.evidence.items()}
    run_state = without_statements(learner.run_state)
    return replace(learner, run_state=run_state, evidence=blank, at_hand=None)


def did(learner: Learner, statement: Statement) -> Learner:
    """Return the learner after one more statement."""
    run_state, evidence = learner.run_state, dict(learner.evidence)
    for target in targets_of(statement):
        known = evidence.get(target) or Evidence(*run_state.key, target, vouched=())
        evidence[target] = with_statement(known, statement)
    return replace(learner, run_state=worked(run_state, statement), evidence=evidence)


def did_all(learner: Learner, recorded: Recorded) -> Learner:
    """Return the learner after more statements. Repeated statements change nothing."""
    return reduce(did, recorded.statements, learner)
