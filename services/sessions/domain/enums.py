"""The enums and value types that the rules share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.civil import CivilTime as CivilTime


class SessionKind(StrEnum):
    """Where a session takes place."""

    IN_ROOM = "IN_ROOM"
    ONLINE = "ONLINE"
    HYBRID = "HYBRID"


class SessionPurpose(StrEnum):
    """What a session is for."""

    CLASS = "CLASS"
    HELP = "HELP"
    """Learners come freely: nobody is expected, so nobody is absent."""


class SessionState(StrEnum):
    """The state of a session."""

    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class SeatKind(StrEnum):
    """The kinds of seats."""

    IN_ROOM = "IN_ROOM"
    ONLINE = "ONLINE"
    WAITLISTED = "WAITLISTED"


class AttendanceMode(StrEnum):
    """How a learner usually takes part in a run."""

    CLASSROOM = "CLASSROOM"
    ONLINE = "ONLINE"
    SELF_PACED = "SELF_PACED"


class EnrolmentState(StrEnum):
    """Whether a learner has a place in a run."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"


class AttendanceStatus(StrEnum):
    """The attendance status of a learner in a session."""

    PRESENT = "PRESENT"
    PARTIAL = "PARTIAL"
    ABSENT = "ABSENT"
    EXCUSED = "EXCUSED"
    CAUGHT_UP = "CAUGHT_UP"


class PresenceKind(StrEnum):
    """Whether a learner joined or left."""

    JOINED = "JOINED"
    LEFT = "LEFT"


class ModerationAction(StrEnum):
    """What a moderator does with a person or an entry of a class."""

    MUTE = "MUTE"
    UNMUTE = "UNMUTE"
    REMOVE = "REMOVE"
    READMIT = "READMIT"
    HIDE = "HIDE"
    SHOW = "SHOW"


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of time, its end not included."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """Return the length of the interval."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a time line, in seconds from its beginning."""

    start: float
    end: float
