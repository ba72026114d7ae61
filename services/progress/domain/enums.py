"""The words that the rules share, as the contracts spell them."""

from dataclasses import dataclass
from enum import StrEnum


class ActivityKind(StrEnum):
    """What a step of a path is."""

    ITEM = "ITEM"
    SESSION = "SESSION"
    TASK = "TASK"
    CHECKPOINT = "CHECKPOINT"


class ActivityState(StrEnum):
    """How far a learner is with one activity."""

    LOCKED = "LOCKED"
    OPEN = "OPEN"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"


class Role(StrEnum):
    """On whose behalf a caller speaks."""

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
    """What a session recorded of a learner."""

    PRESENT = "PRESENT"
    PARTIAL = "PARTIAL"
    ABSENT = "ABSENT"
    EXCUSED = "EXCUSED"
    CAUGHT_UP = "CAUGHT_UP"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place in a run."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"


class ItemKind(StrEnum):
    """What an item of the library is."""

    EBOOK = "EBOOK"
    JOURNAL = "JOURNAL"
    PDF = "PDF"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    RECORDING = "RECORDING"
    SLIDES = "SLIDES"


class SessionState(StrEnum):
    """How far a session is."""

    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class CatchUpState(StrEnum):
    """How far a catch-up is."""

    ASSIGNED = "ASSIGNED"
    COMPLETED = "COMPLETED"
    MISSED = "MISSED"


class TimelineKind(StrEnum):
    """What stands in a timeline."""

    SESSION = "SESSION"
    DUE = "DUE"
    CATCH_UP = "CATCH_UP"


@dataclass(frozen=True, slots=True)
class CivilTime:
    """A time on the wall of a place: local ISO 8601 without offset, and an IANA zone."""

    local: str
    zone: str


Key = tuple[str, str]
"""Run and learner: what everything that progress keeps of a learner is found by."""
