"""The events of progress: the messages of events.proto as dataclasses."""

from dataclasses import dataclass
from datetime import datetime

from services.progress.domain.enums import CatchUpState, DueCause, MissedPart, Stretch
from services.progress.domain.falling_behind import Reason
from services.progress.domain.statements import Statement
from services.progress.domain.week_fit import FullWeek


@dataclass(frozen=True, slots=True)
class StatementsRecorded:
    """Statements of one learner were stored."""

    learner_id: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class StatementsStored:
    """The LRS stored statements that are of no learner's progress."""

    client_id: str
    statement_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementVoided:
    """A statement of a learner's progress was voided."""

    statement_id: str
    learner_id: str
    run_id: str
    activity_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class ActivityCompleted:
    """A learner completed an activity."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class ActivityReopened:
    """A failure took back the completion of a CHECKPOINT, or a voided statement that of any."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str


@dataclass(frozen=True, slots=True)
class ActivitiesOpened:
    """Activities that waited for something have opened for a learner."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_ids: tuple[str, ...]
    by_completion: bool
    """Whether each of them opened because the learner completed what it requires."""


@dataclass(frozen=True, slots=True)
class PathCompleted:
    """A learner completed every required activity of a path."""

    enrolment_id: str
    run_id: str
    learner_id: str
    path_version: int
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class CatchUpAssigned:
    """An absence became a catch-up."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str
    item_ids: tuple[str, ...]
    assigned_at: datetime
    due: datetime
    missed: tuple[Stretch, ...] = ()
    missed_parts: tuple[MissedPart, ...] = ()
    usual_due: datetime | None = None
    full_weeks: tuple[FullWeek, ...] = ()


@dataclass(frozen=True, slots=True)
class CatchUpCompleted:
    """A catch-up was studied."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str
    completed_at: datetime
    in_time: bool
    item_ids: tuple[str, ...]
    due: datetime
    was_missed: bool = False
    """Whether it counted as missed, or as late, until evidence that came later."""


@dataclass(frozen=True, slots=True)
class CatchUpReopened:
    """A catch-up that was told as completed is not, or not in time, after all."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str


@dataclass(frozen=True, slots=True)
class CatchUpWithdrawn:
    """A catch-up need not be studied any more."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str
    state: CatchUpState
    withdrawn_at: datetime
    reason: str = ""
    waived_by: str = ""


@dataclass(frozen=True, slots=True)
class CatchUpChanged:
    """An open catch-up has other items, or another due."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str
    item_ids: tuple[str, ...]
    due: datetime
    reason: str = ""
    changed_by: str = ""
    missed: tuple[Stretch, ...] = ()
    missed_parts: tuple[MissedPart, ...] = ()
    usual_due: datetime | None = None
    full_weeks: tuple[FullWeek, ...] = ()


@dataclass(frozen=True, slots=True)
class CatchUpMissed:
    """A catch-up's deadline passed."""

    catch_up_id: str
    enrolment_id: str
    run_id: str
    learner_id: str
    session_id: str
    title: str
    due: datetime
    watched_share: float
    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DueApproaching:
    """A required activity is due soon, and not completed."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    title: str
    due: datetime


@dataclass(frozen=True, slots=True)
class DueMissed:
    """A required activity was not completed by its deadline."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    title: str
    due: datetime


@dataclass(frozen=True, slots=True)
class DueRetracted:
    """What was told last of a deadline no longer holds."""

    enrolment_id: str
    run_id: str
    learner_id: str
    activity_id: str
    title: str
    due: datetime
    missed: bool
    """Whether it was told as missed; else as approaching."""


@dataclass(frozen=True, slots=True)
class DueChange:
    """One due that changed, and why; the last three fields belong to some causes only."""

    activity_id: str
    title: str
    old_due: datetime | None
    new_due: datetime | None
    cause: DueCause
    cause_activity_id: str = ""
    session_id: str = ""
    path_version: int = 0


@dataclass(frozen=True, slots=True)
class DuesChanged:
    """Dues of a learner changed: all that one evaluation found."""

    enrolment_id: str
    run_id: str
    learner_id: str
    changes: tuple[DueChange, ...]


@dataclass(frozen=True, slots=True)
class LearnerFellBehind:
    """A learner is falling behind."""

    enrolment_id: str
    run_id: str
    learner_id: str
    reasons: tuple[Reason, ...]
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class LearnerRecovered:
    """A learner who was falling behind is not any more."""

    enrolment_id: str
    run_id: str
    learner_id: str
    at: datetime
    was_since: datetime
