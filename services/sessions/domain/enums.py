"""The words that the rules share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class SessionKind(StrEnum):
    """Where a session takes place."""

    IN_ROOM = "IN_ROOM"
    ONLINE = "ONLINE"
    HYBRID = "HYBRID"


class SessionState(StrEnum):
    """How far a session is."""

    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class SeatKind(StrEnum):
    """A learner's place in one session."""

    IN_ROOM = "IN_ROOM"
    ONLINE = "ONLINE"
    WAITLISTED = "WAITLISTED"


class AttendanceMode(StrEnum):
    """How a learner usually takes part in a run."""

    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place in a run."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"


class AttendanceStatus(StrEnum):
    """What a session recorded of a learner."""

    PRESENT = "PRESENT"
    PARTIAL = "PARTIAL"
    ABSENT = "ABSENT"
    EXCUSED = "EXCUSED"
    CAUGHT_UP = "CAUGHT_UP"


class PresenceKind(StrEnum):
    """What a meeting provider, or a check-in, saw."""

    JOINED = "JOINED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class CivilTime:
    """A time on the wall of a place: local ISO 8601 without offset, and an IANA zone."""

    local: str
    zone: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, its end not included."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start
