"""A learner in a run, with all that the rules need to judge."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.evidence import Evidence, targets_of, with_statement
from services.progress.domain.standing import Standing, seen
from services.progress.domain.statements import Recorded, Statement


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner in one run."""

    standing: Standing
    evidence: Mapping[str, Evidence]
    """By target; at least for the targets that are judged."""
    catch_ups: Mapping[str, CatchUp]
    """By session; all of them."""


def did(learner: Learner, statement: Statement) -> Learner:
    """The learner after one statement more."""
    standing, evidence = learner.standing, dict(learner.evidence)
    for target in targets_of(statement):
        known = evidence.get(target) or Evidence(*standing.key, target)
        evidence[target] = with_statement(known, statement)
    return replace(learner, standing=seen(standing, statement.timestamp), evidence=evidence)


def did_all(learner: Learner, recorded: Recorded) -> Learner:
    """The learner after some statements more. The same ones once more change nothing."""
    return reduce(did, recorded.statements, learner)
