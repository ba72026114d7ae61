"""Rebuilding a run: the evidence of its learners is made anew from their statements.

What statements prove never depends on their order, so the rebuilt evidence equals the one that
grew with each statement, unless that one is damaged, was made by other rules, or is older than a
part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from services.progress.domain.evidence import Evidence, blank_of, targets_of
from services.progress.domain.learner import Learner, TakenBack, bare, did
from services.progress.domain.statements import Statement, Stored


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The rebuild of one run."""

    id: str
    """The run."""
    requested_by: str
    requested_at: datetime
    after: str = ""
    """The last learner who is done; learners come in the order of their ids."""
    done: int = 0
    changed: int = 0
    """Learners whose evidence was not what their statements prove."""
    failed: int = 0
    """Learners who could not be rebuilt; each is in the log."""
    finished_at: datetime | None = None

    @property
    def run_id(self) -> str:
        """Return the run."""
        return self.id


def rebuilt(learner: Learner, remaining: Sequence[Stored]) -> Learner:
    """Return the learner with evidence of these statements only: all that count of the learner in
    the run. The next review takes back what they don't prove.

    All of the learner's evidence must be at hand.
    """
    return replace(_anew(learner, remaining), taken_back=TakenBack(learner, remaining))


def without_voided(
    learner: Learner, voided: Sequence[Statement], remaining: Sequence[Stored]
) -> Learner:
    """Return the learner after statements were voided; `remaining`: all others.

    What the voided ones prove is taken back, also if their own event has not come yet: what is
    stored counts already where the statements before a due are looked at. The run state counts as
    changed, so that a unit of work that still applies what was voided starts again.
    """
    after = _anew(learner, remaining)
    return replace(
        after,
        run_state=replace(after.run_state, writes=after.run_state.writes + 1),
        taken_back=TakenBack(
            reduce(did, voided, learner),
            remaining,
            frozenset(target for each in voided for target in targets_of(each)),
        ),
    )


def is_changed(before: Learner, after: Learner) -> bool:
    """Return whether two states of a learner have different evidence."""
    return _proven(before) != _proven(after)


def advanced(rebuild: Rebuild, after: str, done: int, changed: int, failed: int) -> Rebuild:
    """Return the rebuild after more learners, the last of whom is `after`."""
    return replace(
        rebuild,
        after=after,
        done=rebuild.done + done,
        changed=rebuild.changed + changed,
        failed=rebuild.failed + failed,
    )


def _anew(learner: Learner, remaining: Sequence[Stored]) -> Learner:
    return reduce(did, (each.statement for each in remaining), bare(learner))


def _proven(learner: Learner) -> tuple[Mapping[str, Evidence], bytes, Mapping[str, float]]:
    run_state = learner.run_state
    evidence = {name: each for name, each in learner.evidence.items() if each != blank_of(each)}
    return evidence, run_state.sittings, run_state.scores
