"""A learner's standing in a run: the enrolment as it was told, and what the learner achieved.

Everything that is told about a learner is kept, in whatever order it comes: also before the
enrolment is known. It begins to count when the learner holds a place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.progress.domain.enums import (
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    Key,
)
from services.progress.domain.evidence import latest


@dataclass(frozen=True, slots=True)
class Extension:
    """One learner's deadline for one activity, moved."""

    until: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a session recorded of the learner."""

    verdict: AttendanceStatus | None
    """None where it was taken back, which is kept so that nothing older counts again."""
    sequence: int
    amended: bool = False
    """Whether it came after the attendance was settled. Settled and amended rows have sequences of
    different aggregates (the session; the session and the learner), which say nothing together.
    """

    def is_newer_than(self, other: "Attendance | None") -> bool:
        """Whether it counts instead of `other`: amended more than settled, then by sequence."""
        if other is None:
            return True
        return (self.amended, self.sequence) > (other.amended, other.sequence)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one learner adds to the run's summary; fields as there."""

    learners: int = 0
    completed_path: int = 0
    completed_activities: int = 0
    open_catch_ups: int = 0
    completed_catch_ups: int = 0
    missed_catch_ups: int = 0


@dataclass(frozen=True, slots=True)
class LearnerRunState:
    """One learner in one run."""

    run_id: str
    learner_id: str
    enrolment_id: str = ""
    state: EnrolmentState | None = None
    enrolled_at: datetime | None = None
    state_sequence: int = 0
    mode: AttendanceMode | None = None
    mode_sequence: int = 0
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    """By activity."""
    attendance: Mapping[str, Attendance] = field(default_factory=dict)
    """By session."""
    completed: Mapping[str, datetime] = field(default_factory=dict)
    """When each activity was completed; it stays so in every later version of the path."""
    path_version: int = 0
    """The last version of the path that was completed."""
    path_completed_at: datetime | None = None
    last_seen_at: datetime | None = None
    counted: Counts = Counts()
    """What the run's summary holds of this learner."""
    plan_version: int = 0
    """The version of the run's plan that the learner was evaluated against last."""
    writes: int = 0
    """How often it was written. A unit of work that changes anything about the learner adds one: of
    two at the same moment one loses by that, and begins again with what the other did."""

    @property
    def key(self) -> Key:
        """Run and learner."""
        return self.run_id, self.learner_id

    @property
    def is_enrolled(self) -> bool:
        """Whether the learner holds a place."""
        return self.state is EnrolmentState.ENROLLED


@dataclass(frozen=True, slots=True)
class EnrolmentUpdate:
    """What one event says about an enrolment; None is what it does not say."""

    run_id: str
    learner_id: str
    enrolment_id: str
    sequence: int
    state: EnrolmentState | None = None
    enrolled_at: datetime | None = None
    mode: AttendanceMode | None = None


def merge(run_state: LearnerRunState, news: EnrolmentUpdate) -> LearnerRunState:
    """The standing after `news`: state and mode each count unless something newer is known."""
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
    return run_state


def extended(run_state: LearnerRunState, activity_id: str, extension: Extension) -> LearnerRunState:
    """The standing with a deadline moved, unless it was moved by a newer event."""
    known = run_state.extensions.get(activity_id)
    if known is not None and known.sequence >= extension.sequence:
        return run_state
    return replace(run_state, extensions={**run_state.extensions, activity_id: extension})


def attended(
    run_state: LearnerRunState, session_id: str, attendance: Attendance
) -> LearnerRunState:
    """The standing with what a session recorded, unless something newer is known."""
    if not attendance.is_newer_than(run_state.attendance.get(session_id)):
        return run_state
    return replace(run_state, attendance={**run_state.attendance, session_id: attendance})


def seen(run_state: LearnerRunState, at: datetime) -> LearnerRunState:
    """The standing of a learner who did something at `at`."""
    return replace(run_state, last_seen_at=latest(run_state.last_seen_at, at))


def is_complete(run_state: LearnerRunState, required: frozenset[str]) -> bool:
    """Whether every required activity is completed. A path that requires none never is."""
    return bool(required) and required <= run_state.completed.keys()
