"""The events of meetings; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MeetingMade:
    """The online meeting of a class is there; people can join from now."""

    session_id: str
    run_id: str
    title: str
    instructor_id: str
    start_time: datetime
    end_time: datetime
    made_at: datetime
    after_failure: bool


@dataclass(frozen=True, slots=True)
class MeetingFailed:
    """The online meeting of a class could not be made yet."""

    session_id: str
    run_id: str
    title: str
    instructor_id: str
    start_time: datetime
    end_time: datetime
    failed_at: datetime
    reason: str
