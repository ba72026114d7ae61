"""Rebuilding a run: the evidence of its learners is made anew from their statements.

What statements prove never depends on their order, so the rebuilt evidence equals the one that
grew with each statement, unless that one is damaged, was made by other rules, or is older than a
part of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.evidence import Evidence
from services.progress.domain.learner import Learner, did_all
from services.progress.domain.statements import Recorded


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


def rebuilt(learner: Learner, recorded: Recorded) -> Learner:
    """Return the learner with evidence of these statements only: all of the learner in the run.

    All of the learner's evidence must be at hand. When the learner was last seen stays: attendance
    tells it, too.
    """
    blank = {target: _blank(each) for target, each in learner.evidence.items()}
    bare = replace(learner.run_state, sittings=b"", scores={})
    return did_all(replace(learner, run_state=bare, evidence=blank), recorded)


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


def _blank(evidence: Evidence) -> Evidence:
    return Evidence(evidence.run_id, evidence.learner_id, evidence.target, vouched=())


def _proven(learner: Learner) -> tuple[Mapping[str, Evidence], bytes, Mapping[str, float]]:
    run_state = learner.run_state
    evidence = {name: each for name, each in learner.evidence.items() if each != _blank(each)}
    return evidence, run_state.sittings, run_state.scores
