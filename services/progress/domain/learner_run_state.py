"""A learner's state in a run: the enrolment, and the learner's results.

Everything that becomes known about a learner is stored, in any order, also before the enrolment is
known. It counts as soon as the learner has a place in the run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.progress.domain import sittings
from services.progress.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    Key,
)
from services.progress.domain.evidence import latest
from services.progress.domain.falling_behind import Reason
from services.progress.domain.intervals import Interval
from services.progress.domain.statements import Statement, duration_of, score_of


@dataclass(frozen=True, slots=True)
class Extension:
    """One learner's extended deadline for one activity."""

    until: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """The learner's attendance in a session."""

    verdict: AttendanceStatus | None
    """None if it was withdrawn; that is stored, so that no older attendance counts again."""
    sequence: int
    amended: bool = False
    """Whether it was amended after the attendance was final. Final and amended rows have sequences
    of different aggregates (the session; the session and the learner), which can't be compared.
    """
    waited: bool = False
    """Whether the learner only waited for a seat, and so could not come."""
    stretches: tuple[Interval, ...] = ()
    """When a learner was there who was there for a part, in seconds from the class's real start."""

    def is_newer_than(self, other: "Attendance | None") -> bool:
        """Return whether it replaces `other`: amended replaces final, then the sequence decides."""
        if other is None:
            return True
        return (self.amended, self.sequence) > (other.amended, other.sequence)


@dataclass(frozen=True, slots=True)
class DueTold:
    """What the learner was told of an activity's due (domain/due_news.py)."""

    due: datetime | None = None
    """The due that was told last; None if nothing was, or if it was retracted."""
    missed: bool = False
    """Whether it was told as missed; else as approaching."""
    approached: tuple[datetime, ...] = ()
    """All dues that were told as approaching: each is told once."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one learner adds to the run's summary; with the summary's fields."""

    learners: int = 0
    completed_path: int = 0
    completed_activities: int = 0
    open_catch_ups: int = 0
    completed_catch_ups: int = 0
    missed_catch_ups: int = 0
    falling_behind: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """By what the run's class page finds and sorts the learner (domain/class_page.py)."""

    buckets: tuple[str, ...]
    """The sets of learners to which the learner belongs; the first two are counted."""
    numbers: Mapping[str, int]
    """The number by which the learner is sorted in each column."""


@dataclass(frozen=True, slots=True)
class LearnerRunState:
    """The state of one learner in one run."""

    run_id: str
    learner_id: str
    enrolment_id: str = ""
    state: EnrolmentState | None = None
    enrolled_at: datetime | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0
    group_ids: tuple[str, ...] = ()
    groups_sequence: int = 0
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    """Extensions by activity."""
    attendance: Mapping[str, Attendance] = field(default_factory=dict)
    """Attendance by session."""
    completed: Mapping[str, datetime] = field(default_factory=dict)
    """When each activity was completed; it stays completed in every later version of the path,
    unless a failure takes it back.
    """
    path_version: int = 0
    """The last version of the path that was completed."""
    path_completed_at: datetime | None = None
    last_seen_at: datetime | None = None
    """When the learner last did anything, by a statement or an attendance."""
    attended_at: datetime | None = None
    """When the learner last was in a class, as far as an attendance told it."""
    sittings: bytes = b""
    """When the learner was at work in the run (domain/sittings.py); older versions stored none."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The best scaled score of each activity, -1 to 1, that someone other than the learner told."""
    counted: Counts = Counts()
    """What this learner has added to the run's summary."""
    plan_version: int = 0
    """The version of the run's plan that the learner was evaluated against last."""
    dues_told: Mapping[str, DueTold] = field(default_factory=dict)
    """What was told of dues, by activity."""
    dues_since: datetime | None = None
    """The learner is told of dues after this instant; None: no version that tells dues has seen the
    learner in the run."""
    next_due_at: datetime | None = None
    """When something may be to tell of a due, or an activity is released; None: never, as far as is
    known."""
    path_seen: int | None = None
    """The version of the path by which `opened` and `dues_known` were worked out; 0: there was no
    path; None: no version of the service that works them out has seen the learner."""
    opened: tuple[str, ...] = ()
    """The activities that have opened, by id; they stay open in every later version of the path."""
    dues_known: Mapping[str, datetime] = field(default_factory=dict)
    """The dues that the learner was told last, by activity."""
    overdue: int = 0
    """The required activities past their due and not completed, until `next_due_at`."""
    listing: Listing | None = None
    """None: the learner has no place, or no version that lists learners has seen the learner."""
    behind_since: datetime | None = None
    """Since when the learner is falling behind; None: is not."""
    behind_reasons: tuple[Reason, ...] = ()
    """Why, with the numbers as the learner was judged last."""
    judge_at: datetime | None = None
    """When the passing of time may change whether the learner is falling behind; None: no version
    that judges has seen the learner in the run."""
    writes: int = 0
    """The number of writes. A unit of work that changes anything about the learner adds one, so
    two concurrent ones conflict, and one of them starts again.
    """

    @property
    def key(self) -> Key:
        """Return the run and the learner."""
        return self.run_id, self.learner_id

    @property
    def is_enrolled(self) -> bool:
        """Return whether the learner has a place."""
        return self.state is EnrolmentState.ENROLLED


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """The fields of an enrolment that one event contains; the others are None."""

    run_id: str
    learner_id: str
    enrolment_id: str
    sequence: int
    state: EnrolmentState | None = None
    enrolled_at: datetime | None = None
    mode: AttendanceMode | None = None
    group_ids: tuple[str, ...] | None = None


def merge(run_state: LearnerRunState, news: EnrolmentUpdate) -> LearnerRunState:
    """Return the run state after an update: state, mode and groups count unless newer ones are
    known.
    """
    if news.state is not None and news.sequence > run_state.state_sequence:
        run_state = replace(
            run_state,
            enrolment_id=news.enrolment_id,
            state=news.state,
            enrolled_at=news.enrolled_at or run_state.enrolled_at,
            state_sequence=news.sequence,
        )
    if news.mode is not None and news.sequence > run_state.mode_sequence:
        run_state = replace(run_state, mode=news.mode, mode_sequence=news.sequence)
    if news.group_ids is not None and news.sequence > run_state.groups_sequence:
        run_state = replace(run_state, group_ids=news.group_ids, groups_sequence=news.sequence)
    return run_state


def extended(run_state: LearnerRunState, activity_id: str, extension: Extension) -> LearnerRunState:
    """Return the run state with an extension, unless a newer one is known."""
    known = run_state.extensions.get(activity_id)
    if known is not None and known.sequence >= extension.sequence:
        return run_state
    return replace(run_state, extensions={**run_state.extensions, activity_id: extension})


def attended(
    run_state: LearnerRunState, session_id: str, attendance: Attendance
) -> LearnerRunState:
    """Return the run state with an attendance, unless a newer one is known."""
    if not attendance.is_newer_than(run_state.attendance.get(session_id)):
        return run_state
    return replace(run_state, attendance={**run_state.attendance, session_id: attendance})


def worked(run_state: LearnerRunState, statement: Statement) -> LearnerRunState:
    """Return the run state of a learner who did what a statement tells."""
    at = statement.timestamp
    at_work = sittings.with_stretch(run_state.sittings, at, duration_of(statement))
    last_seen_at = latest(run_state.last_seen_at, at)
    return replace(
        run_state,
        last_seen_at=last_seen_at,
        sittings=at_work,
        scores=_scores(run_state.scores, statement),
    )


def _scores(known: Mapping[str, float], statement: Statement) -> Mapping[str, float]:
    activity_id, score = statement.activity_id, score_of(statement)
    if score is None or not activity_id or known.get(activity_id, -math.inf) >= score:
        return known
    return {**known, activity_id: score}


def seen(run_state: LearnerRunState, at: datetime) -> LearnerRunState:
    """Return the run state of a learner who was in a class until `at`."""
    return replace(
        run_state,
        last_seen_at=latest(run_state.last_seen_at, at),
        attended_at=latest(run_state.attended_at, at),
    )


def without_statements(run_state: LearnerRunState) -> LearnerRunState:
    """Return the run state as if there were no statements; what is completed stays."""
    return replace(run_state, last_seen_at=run_state.attended_at, sittings=b"", scores={})


def with_completions(
    run_state: LearnerRunState, changes: Mapping[str, datetime | None], required: frozenset[str]
) -> LearnerRunState:
    """Return the run state with activities that were completed at other instants, or are not any
    more (None). A path that is no longer completed never was; one that is, since the last of them.
    """
    after = {**run_state.completed, **changes}
    completed = {activity_id: at for activity_id, at in after.items() if at is not None}
    run_state = replace(run_state, completed=completed)
    if is_complete(run_state, required):
        was_completed = run_state.path_completed_at is not None
        ends = path_done_at(run_state, required) if was_completed else None
        return replace(run_state, path_completed_at=ends)
    if None not in changes.values():
        return run_state
    return replace(run_state, path_version=0, path_completed_at=None)


def path_done_at(run_state: LearnerRunState, required: frozenset[str]) -> datetime | None:
    """Return when the last of the required activities was completed, of a path that is."""
    return latest(*(run_state.completed[activity_id] for activity_id in required))


def is_complete(run_state: LearnerRunState, required: frozenset[str]) -> bool:
    """Return whether all required activities are completed. A path that requires none never is."""
    return bool(required) and required <= run_state.completed.keys()
