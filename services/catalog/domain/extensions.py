"""Extensions: later deadlines for one learner and one activity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from services.catalog.domain.path import Activity, counting, moment
from services.catalog.domain.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendDue:
    """Extend a learner's deadline."""

    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One learner's extension for one activity, as it was granted."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    until: datetime
    reason: str
    granted_by: str
    granted_at: datetime


def extension_violations(
    command: ExtendDue, activity: Activity, due: datetime | None, now: datetime
) -> Iterator[FieldViolation]:
    """Yield the violations of an extension. `due`: the present deadline, if catalog knows it."""
    until = command.until.isoformat()
    if activity.deadline is None:
        yield FieldViolation(
            "activity_id", f"{activity.id!r} has no deadline", "an activity that has one"
        )
    elif due is not None and command.until <= due:
        right = f"a time after {max(due, now).isoformat()}"
        yield FieldViolation("until", f"{until} is not later than the deadline", right)
    elif command.until <= now:
        yield FieldViolation("until", f"{until} is in the past", f"a time after {now.isoformat()}")


def due_of(
    activity: Activity,
    activities: Mapping[str, Activity],
    enrolled_at: datetime,
    extended: Mapping[str, datetime],
    run: Run,
) -> datetime | None:
    """Return one learner's due of an activity: the later of its rule and its extension.

    `extended`: the learner's extensions by activity. Return None if there is no deadline, or if it
    counts from the end of a class, which only progress knows.
    """
    way = counting(activity.deadline, activities) if activity.deadline else []
    due = moment(way[-1], enrolled_at, run) if way and not way[-1].depends_on else None
    for rule in reversed(way[:-1]):
        start = _later(due, extended.get(rule.depends_on))
        due = moment(rule, start, run) if start else None
    return _later(due, extended.get(activity.id))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, [one, other]), default=None)
