"""Evidence: the sum of a learner's statements on one activity or item.

Statements come in any order. Evidence only grows (where a statement is voided, it is summed up anew
from the others), and the same statements give the same evidence in
any order, also if they come again: watched intervals are united, last times are the greatest, first
times the smallest, and the length is the one that was told last.

Of several lengths the one with the latest timestamp counts, because players correct themselves, and
how often each was told can't be counted: the same statement may come again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain import sittings, statements, video
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
    """The playing time by the latest statement that told one; 0 if none did."""
    length_at: datetime | None = None
    """The timestamp of that statement; None in what an older version stored, which is the greatest
    length.
    """
    last_at: datetime | None = None
    """When the learner last did something with the target."""
    completed_at: datetime | None = None
    passed_at: datetime | None = None
    """Set if someone other than the learner says so; the learner's own statement counts as
    completed only. An older version also set it for `finished_at`.
    """
    finished_at: datetime | None = None
    """When someone other than the learner said completed, and not failed."""
    failed_at: datetime | None = None
    """When someone other than the learner first said failed, or told no success."""
    submitted_at: datetime | None = None
    experienced_at: datetime | None = None
    vouched: tuple[Interval, ...] | None = None
    """What of `watched` someone other than the learner said. None in what an older version stored:
    it did not tell apart who said what, so all of that counts as vouched for.
    """
    vouched_read_at: datetime | None = None
    """When someone other than the learner first said completed, passed or experienced."""
    first_own_at: datetime | None = None
    """The earliest timestamp of the learner's own statements."""
    last_own_at: datetime | None = None
    """The latest timestamp of the learner's own statements."""
    best_score: float | None = None
    """The best scaled score that someone other than the learner told, -1 to 1; None if none did."""
    sittings: bytes = b""
    """When the learner was at work on the target (domain/sittings.py); an older version stored
    none."""


def activity_target(activity_id: str) -> str:
    """Return the target of evidence on an activity."""
    return f"activity:{activity_id}"


def item_target(item_id: str) -> str:
    """Return the target of evidence on an item."""
    return f"item:{item_id}"


def blank_of(evidence: Evidence) -> Evidence:
    """Return the evidence on the same target as if there were no statements."""
    return Evidence(evidence.run_id, evidence.learner_id, evidence.target, vouched=())


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
    vouched = statements.is_vouched_for(statement)
    completed, passed, failed = (
        says(statement)
        for says in (statements.says_completed, statements.says_passed, statements.says_failed)
    )
    told = statement.video
    watched = video.played(told.played_segments) if told else ()
    experienced = statements.says_experienced(statement)
    more = Evidence(
        evidence.run_id,
        evidence.learner_id,
        evidence.target,
        watched=watched,
        length=told.length if told else 0.0,
        length_at=at if told and told.length else None,
        last_at=at,
        completed_at=at if completed or (passed and not vouched) else None,
        passed_at=at if passed and vouched else None,
        finished_at=at if completed and vouched and not failed else None,
        failed_at=at if failed and vouched else None,
        submitted_at=at if statements.says_submitted(statement) else None,
        experienced_at=at if experienced else None,
        vouched=watched if vouched else (),
        vouched_read_at=at if vouched and (completed or passed or experienced) else None,
        first_own_at=None if vouched else at,
        last_own_at=None if vouched else at,
        best_score=statements.score_of(statement),
        sittings=sittings.with_stretch(b"", at, statements.duration_of(statement)),
    )
    return merged(evidence, more)


def merged(one: Evidence, other: Evidence) -> Evidence:
    """Return the union of both."""
    one, other = told_apart(one), told_apart(other)
    last_told = max(one, other, key=_told) if other.length else one
    return replace(
        one,
        watched=_united(one.watched, other.watched),
        length=last_told.length,
        length_at=last_told.length_at,
        last_at=latest(one.last_at, other.last_at),
        completed_at=earliest(one.completed_at, other.completed_at),
        passed_at=earliest(one.passed_at, other.passed_at),
        finished_at=earliest(one.finished_at, other.finished_at),
        failed_at=earliest(one.failed_at, other.failed_at),
        submitted_at=earliest(one.submitted_at, other.submitted_at),
        experienced_at=earliest(one.experienced_at, other.experienced_at),
        vouched=_united(one.vouched or (), other.vouched or ()),
        vouched_read_at=earliest(one.vouched_read_at, other.vouched_read_at),
        first_own_at=earliest(one.first_own_at, other.first_own_at),
        last_own_at=latest(one.last_own_at, other.last_own_at),
        best_score=_best(one.best_score, other.best_score),
        sittings=sittings.united(one.sittings, other.sittings),
    )


def told_apart(evidence: Evidence) -> Evidence:
    """Return the evidence with what others than the learner said; of an older version's, all."""
    if evidence.vouched is not None:
        return evidence
    return replace(evidence, vouched=evidence.watched, vouched_read_at=read_at(evidence))


def read_at(evidence: Evidence) -> datetime | None:
    """Return when a text was read: completed, passed or experienced; None if it was not."""
    return earliest(evidence.completed_at, evidence.passed_at, evidence.experienced_at)


def _united(one: tuple[Interval, ...], other: tuple[Interval, ...]) -> tuple[Interval, ...]:
    return union(one + other) if other else one


def _best(*scores: float | None) -> float | None:
    return max((score for score in scores if score is not None), default=None)


def success_at(evidence: Evidence) -> datetime | None:
    """Return when the target was passed: by a pass, or by a completion if no failure is known.

    By xAPI and cmi5 (sections 9.3 and 9.5), passed and failed tell success, and completed does not.
    But many players send completed only. So it counts as a pass until a failure is told. A pass
    counts for good. None if it was not passed.
    """
    finished = None if evidence.failed_at else evidence.finished_at
    return earliest(evidence.passed_at, finished)


def earliest(*instants: datetime | None) -> datetime | None:
    """Return the earliest instant that is not None; None if there is none."""
    return min(_present(instants), default=None)


def latest(*instants: datetime | None) -> datetime | None:
    """Return the latest instant that is not None; None if there is none."""
    return max(_present(instants), default=None)


def _told(evidence: Evidence) -> tuple[bool, float, float]:
    """Return the order of told lengths: by time, then the greater; none is before all."""
    at = evidence.length_at.timestamp() if evidence.length_at else 0.0
    return evidence.length_at is not None, at, evidence.length


def _present(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]
