"""Evidence: the sum of a learner's statements on one activity or item.

Statements come in any order. Evidence only grows, and the same statements give the same evidence in
any order: watched intervals are united, lengths and last times are the greatest, first times the
smallest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain import statements, video
from services.progress.domain.intervals import Interval, union
from services.progress.domain.statements import Statement


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a learner did with one target in one run."""

    run_id: str
    learner_id: str
    target: str
    """`activity:<id>` or `item:<id>`, as statements named it."""
    watched: tuple[Interval, ...] = ()
    length: float = 0.0
    """The playing time by the statements; 0 if none had one."""
    last_at: datetime | None = None
    """When the learner last did something with the target."""
    completed_at: datetime | None = None
    passed_at: datetime | None = None
    """Set if someone other than the learner says so; the learner's own statement counts as
    completed only.
    """
    submitted_at: datetime | None = None
    experienced_at: datetime | None = None


def activity_target(activity_id: str) -> str:
    """Return the target of evidence on an activity."""
    return f"activity:{activity_id}"


def item_target(item_id: str) -> str:
    """Return the target of evidence on an item."""
    return f"item:{item_id}"


def targets_of(statement: Statement) -> tuple[str, ...]:
    """Return the targets of a statement: the activity that it names, the item, or both."""
    named = []
    if statement.activity_id:
        named.append(activity_target(statement.activity_id))
    if statement.item_id:
        named.append(item_target(statement.item_id))
    return tuple(named)


def with_statement(evidence: Evidence, statement: Statement) -> Evidence:
    """Return the evidence with one more statement."""
    at = statement.timestamp
    passed, vouched = statements.says_passed(statement), statements.is_vouched_for(statement)
    completed = statements.says_completed(statement) or (passed and not vouched)
    told = statement.video
    more = Evidence(
        evidence.run_id,
        evidence.learner_id,
        evidence.target,
        watched=video.played(told.played_segments) if told else (),
        length=told.length if told else 0.0,
        last_at=at,
        completed_at=at if completed else None,
        passed_at=at if passed and vouched else None,
        submitted_at=at if statements.says_submitted(statement) else None,
        experienced_at=at if statements.says_experienced(statement) else None,
    )
    return merged(evidence, more)


def merged(one: Evidence, other: Evidence) -> Evidence:
    """Return the union of both."""
    return replace(
        one,
        watched=union(one.watched + other.watched) if other.watched else one.watched,
        length=max(one.length, other.length),
        last_at=latest(one.last_at, other.last_at),
        completed_at=earliest(one.completed_at, other.completed_at),
        passed_at=earliest(one.passed_at, other.passed_at),
        submitted_at=earliest(one.submitted_at, other.submitted_at),
        experienced_at=earliest(one.experienced_at, other.experienced_at),
    )


def earliest(*instants: datetime | None) -> datetime | None:
    """Return the earliest instant that is not None; None if there is none."""
    return min(_present(instants), default=None)


def latest(*instants: datetime | None) -> datetime | None:
    """Return the latest instant that is not None; None if there is none."""
    return max(_present(instants), default=None)


def _present(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]
