"""Conditions: what must have happened before an activity opens, and the check for their faults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation
from services.catalog.domain.enums import ActivityKind, ConditionKind

_FITTING: Mapping[ConditionKind, Sequence[ActivityKind]] = {
    ConditionKind.ATTENDED: (ActivityKind.SESSION,),
    ConditionKind.SCORED: (ActivityKind.CHECKPOINT, ActivityKind.TASK),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, about another activity of the path."""

    activity_id: str
    kind: ConditionKind
    or_caught_up: bool = False
    """ATTENDED: whether an absence that was made up for is enough."""
    score: float = 0.0
    """SCORED: the least score, above 0, at most 1 (xAPI 1.0.3, part 2, section 2.4.5.1)."""


def condition_violations(
    conditions: Sequence[Condition], field: str, kinds: Mapping[str, ActivityKind]
) -> Iterator[FieldViolation]:
    """Yield every violation of an activity's conditions. `kinds`: those of the path, by id."""
    for place, condition in enumerate(conditions):
        where = f"{field}.opens_when[{place}]"
        yield from _activity_violations(condition, f"{where}.activity_id", kinds)
        yield from _score_violations(condition, f"{where}.score")
        if condition.or_caught_up and condition.kind is not ConditionKind.ATTENDED:
            wrong = f"is set on {condition.kind}"
            yield FieldViolation(f"{where}.or_caught_up", wrong, "or_caught_up on ATTENDED only")


def _activity_violations(
    condition: Condition, field: str, kinds: Mapping[str, ActivityKind]
) -> Iterator[FieldViolation]:
    kind, fitting = kinds.get(condition.activity_id), _FITTING[condition.kind]
    right = f"the id of a {' or '.join(fitting)}"
    if kind is None:
        yield FieldViolation(field, f"{condition.activity_id!r} is not in the path", right)
    elif kind not in fitting:
        wrong = f"{condition.activity_id!r} is of the kind {kind}, which is never {condition.kind}"
        yield FieldViolation(field, wrong, right)


def _score_violations(condition: Condition, field: str) -> Iterator[FieldViolation]:
    if condition.kind is not ConditionKind.SCORED:
        if condition.score:
            yield FieldViolation(field, f"is set on {condition.kind}", "a score on SCORED only")
    elif not 0 < condition.score <= 1:  # NaN too
        yield FieldViolation(field, f"is {condition.score:g}", "a score above 0, at most 1")
