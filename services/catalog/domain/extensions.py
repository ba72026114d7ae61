"""Extensions: one learner's deadline for one activity, moved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from services.catalog.domain.path import Activity, TimeRule, counting
from services.catalog.domain.runs import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendDue:
    """Move a deadline."""

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
    """Why a deadline can't be moved so. `due`: when it is now, as far as catalog knows."""
    until = command.until.isoformat()
    if activity.deadline is None:
        yield FieldViolation(
            "activity_id", f"{activity.id!r} has no deadline", "an activity that has one"
        )
    elif due is not None and command.until <= due:
        right = f"a time after {max(due, now).isoformat()}"
        yield FieldViolation("until", f"{until} is not later than the deadline", right)
    elif command.until <= now:
        yield FieldViolation("until", f"{until} is past", f"a time after {now.isoformat()}")


def due_of(
    activity: Activity,
    activities: Mapping[str, Activity],
    enrolled_at: datetime,
    extended: Mapping[str, datetime],
) -> datetime | None:
    """One learner's due of an activity: the later of its rule and its extension.

    `extended`: the extensions that hold, by activity. None where there is no deadline, or where it
    counts from the end of a class: that is known to progress only.
    """
    way = counting(activity.deadline, activities) if activity.deadline else []
    due = _beginning(way[-1], enrolled_at) if way else None
    for rule in reversed(way[:-1]):
        if rule.after_activity:
            due = _later(due, extended.get(rule.after_activity.activity_id))
            due = _plus(due, rule.after_activity.offset)
    return _later(due, extended.get(activity.id))


def _beginning(rule: TimeRule, enrolled_at: datetime) -> datetime | None:
    if rule.after_enrolment is not None:
        return _plus(enrolled_at, rule.after_enrolment)
    return rule.fixed


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, [one, other]), default=None)


def _plus(start: datetime | None, offset: timedelta | None) -> datetime | None:
    """None beyond the last day that a date can be."""
    try:
        return start and start + (offset or NOTHING)
    except OverflowError:
        return None
