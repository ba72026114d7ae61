"""Extensions: one learner's deadline for one activity, moved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chassis.refusals import Fault
from services.catalog.domain.path import Activity


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


def extension_faults(
    command: ExtendDue, activity: Activity, last: Extension | None
) -> Iterator[Fault]:
    """Why a deadline can't be moved so. `last`: the extension that holds now.

    A deadline that hangs on the learner or on another activity is known to progress only; there
    the later of rule and extension counts.
    """
    if activity.deadline is None:
        yield Fault("activity_id", f"{activity.id!r} has no deadline", "an activity that has one")
    else:
        known = [last.until if last else None, activity.deadline.fixed]
        now_due = max((time for time in known if time is not None), default=None)
        if now_due is not None and command.until <= now_due:
            wrong = f"{command.until.isoformat()} is not later than the deadline"
            yield Fault("until", wrong, f"a time after {now_due.isoformat()}")
