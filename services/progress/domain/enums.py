"""The enums and value types that the rules share, named as in the contracts."""

from dataclasses import dataclass
from enum import StrEnum


class ActivityKind(StrEnum):
    """The kinds of activities."""

    ITEM = "ITEM"
    SESSION = "SESSION"
    TASK = "TASK"
    CHECKPOINT = "CHECKPOINT"


class ConditionKind(StrEnum):
    """What an activity waits for, beside the completion of others."""

    ATTENDED = "ATTENDED"
    SCORED = "SCORED"


class LaunchMethod(StrEnum):
    """In which window an assignable unit is launched (cmi5, section 8.1)."""

    ANY_WINDOW = "ANY_WINDOW"
    OWN_WINDOW = "OWN_WINDOW"


class MoveOn(StrEnum):
    """What satisfies an assignable unit (cmi5, section 13.1.4)."""

    PASSED = "PASSED"
    COMPLETED = "COMPLETED"
    COMPLETED_AND_PASSED = "COMPLETED_AND_PASSED"
    COMPLETED_OR_PASSED = "COMPLETED_OR_PASSED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class LackKind(StrEnum):
    """The kinds of what an activity waits for."""

    RELEASE = "RELEASE"
    COMPLETION = "COMPLETION"
    ATTENDANCE = "ATTENDANCE"
    SCORE = "SCORE"


class DueCause(StrEnum):
    """Why a due changed."""

    EXTENSION = "EXTENSION"
    ENROLMENT = "ENROLMENT"
    GROUPS = "GROUPS"
    SESSION_SCHEDULED = "SESSION_SCHEDULED"
    SESSION_MOVED = "SESSION_MOVED"
    SESSION_CANCELLED = "SESSION_CANCELLED"
    PATH_PUBLISHED = "PATH_PUBLISHED"
    RUN_UPDATED = "RUN_UPDATED"
    ZONE_DATA = "ZONE_DATA"


class ActivityState(StrEnum):
    """A learner's state in one activity."""

    LOCKED = "LOCKED"
    OPEN = "OPEN"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"


class Role(StrEnum):
    """The roles of a caller."""

    LEARNER = "LEARNER"
    INSTRUCTOR = "INSTRUCTOR"
    REGISTRAR = "REGISTRAR"
    SERVICE = "SERVICE"
    OPERATOR = "OPERATOR"


class AttendanceMode(StrEnum):
    """How a learner usually takes part in a run."""

    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


class AttendanceStatus(StrEnum):
    """The attendance status of a learner in a session."""

    PRESENT = "PRESENT"
    PARTIAL = "PARTIAL"
    ABSENT = "ABSENT"
    EXCUSED = "EXCUSED"
    CAUGHT_UP = "CAUGHT_UP"


class PartialAttendance(StrEnum):
    """What it means to have been there for a part of a session."""

    COUNTS = "COUNTS"
    CATCH_UP = "CATCH_UP"


class EvidencePolicy(StrEnum):
    """Whose statements count for attendance credit."""

    LEARNERS = "LEARNERS"
    LEARNERS_AT_PACE = "LEARNERS_AT_PACE"
    SERVICES = "SERVICES"


class EnrolmentState(StrEnum):
    """Whether a learner has a place in a run."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"


class ItemKind(StrEnum):
    """The kinds of items of the library."""

    EBOOK = "EBOOK"
    JOURNAL = "JOURNAL"
    PDF = "PDF"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    RECORDING = "RECORDING"
    SLIDES = "SLIDES"
    CAPTIONS = "CAPTIONS"
    DATASET = "DATASET"


class SessionPurpose(StrEnum):
    """What a session is for."""

    CLASS = "CLASS"
    HELP = "HELP"
    """Learners come freely: whoever stays away missed nothing."""


class SessionState(StrEnum):
    """The state of a session."""

    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class CatchUpState(StrEnum):
    """The state of a catch-up."""

    ASSIGNED = "ASSIGNED"
    COMPLETED = "COMPLETED"
    MISSED = "MISSED"


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


WEEK = tuple(Weekday)


class TimelineKind(StrEnum):
    """The kinds of entries in a timeline."""

    SESSION = "SESSION"
    DUE = "DUE"
    CATCH_UP = "CATCH_UP"


@dataclass(frozen=True, slots=True)
class CivilTime:
    """A civil time: local ISO 8601 without offset, and an IANA zone."""

    local: str
    zone: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a time line, in seconds from its beginning."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class MissedPart:
    """What a learner who was there for a part missed of one recorded part."""

    item_id: str
    stretches: tuple[Stretch, ...]


Key = tuple[str, str]
"""Run and learner: the key of everything that progress stores about a learner."""
