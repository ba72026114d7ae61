"""The events of polls; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollClosed:
    """A poll in a class has closed; it tells the counts, and nobody's vote."""

    poll_id: str
    session_id: str
    run_id: str
    question: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    voters: int
    counts: tuple[int, ...]
    named: bool
    opened_by: str
    opened_at: datetime
    closed_by: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackClosed:
    """No more feedback is taken on a class; this is what is shown of it."""

    session_id: str
    run_id: str
    answers: int
    pace: tuple[int, ...]
    clarity: tuple[int, ...]
    usefulness: tuple[int, ...]
    closed_at: datetime
