"""The events of clashes; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClashFound:
    """A learner is expected at two sessions at a time."""

    learner_id: str
    session_id: str
    run_id: str
    title: str
    start_time: datetime
    end_time: datetime
    other_session_id: str
    other_run_id: str
    other_title: str
    other_start_time: datetime
    other_end_time: datetime
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClashResolved:
    """A clash is none any more, because a session moved or was cancelled, or the learner left."""

    learner_id: str
    session_id: str
    run_id: str
    other_session_id: str
    other_run_id: str
    resolved_at: datetime
