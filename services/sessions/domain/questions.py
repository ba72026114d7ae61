"""Questions of a run: what is known of one, and what can be asked for.

A question is its own thread. What becomes of it is in question_changes.py; on whose agenda it is
follows from agendas.py. Who wants it answered is stored apart from it (store_questions.py), so that
a vote writes no question.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class QuestionPlace(StrEnum):
    """Where a question was asked."""

    LIVE = "LIVE"
    BETWEEN = "BETWEEN"
    RECORDING = "RECORDING"


class QuestionState(StrEnum):
    """The state of a question."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    MERGED = "MERGED"
    WITHDRAWN = "WITHDRAWN"
    HIDDEN = "HIDDEN"


class QuestionAction(StrEnum):
    """What was done with a question."""

    ASKED = "ASKED"
    EDITED = "EDITED"
    PLACED = "PLACED"
    CARRIED_OVER = "CARRIED_OVER"
    MERGED = "MERGED"
    GATHERED = "GATHERED"
    ANSWERED = "ANSWERED"
    REOPENED = "REOPENED"
    WITHDRAWN = "WITHDRAWN"
    HIDDEN = "HIDDEN"


STANDING = (QuestionState.OPEN, QuestionState.ANSWERED)
"""The states in which a question has a thread to write in."""
GONE = (QuestionState.WITHDRAWN, QuestionState.HIDDEN)
"""The states in which learners see only their own."""


@dataclass(frozen=True, slots=True)
class AskQuestion:
    """Ask a question: in a class (`session_id`), at a moment of its recording (`item_id`, too), or
    in between.
    """

    run_id: str
    learner_id: str
    text: str
    session_id: str = ""
    item_id: str = ""
    offset_seconds: float = 0.0

    @property
    def place(self) -> QuestionPlace:
        """Return where it is asked."""
        if self.item_id:
            return QuestionPlace.RECORDING
        return QuestionPlace.LIVE if self.session_id else QuestionPlace.BETWEEN


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """Answer a question: in words, at a moment of a class, by a reply."""

    question_id: str
    text: str = ""
    session_id: str = ""
    at: datetime | None = None
    reply_id: str = ""


@dataclass(frozen=True, slots=True)
class QuestionMoment:
    """A moment of a class at which a question was answered."""

    session_id: str
    at: datetime
    offset_seconds: float
    """From the class's real start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionChange:
    """One change of a question; `person_id` empty: the platform made it."""

    at: datetime
    action: QuestionAction
    person_id: str = ""
    session_id: str = ""
    question_id: str = ""
    reply_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of a run."""

    id: str
    run_id: str
    group_ids: tuple[str, ...] = ()
    asker_id: str
    text: str
    asked_at: datetime
    place: QuestionPlace
    asked_in: str = ""
    item_id: str = ""
    offset_seconds: float = 0.0
    class_second: float | None = None
    """The second of the class that the recording showed; None if it was not asked at one."""
    state: QuestionState = QuestionState.OPEN
    open_since: datetime
    """When it was asked, or opened again last."""
    session_id: str = ""
    """On whose agenda it is; one that is not OPEN: was."""
    votes: int = 1
    """Those that were counted last; the asker's is one."""
    merged_into: str = ""
    merged_ids: tuple[str, ...] = ()
    """All questions that were merged into it, directly or by others."""
    answered_at: datetime | None = None
    moments: tuple[QuestionMoment, ...] = ()
    carried_over: int = 0
    history: tuple[QuestionChange, ...] = ()

    @property
    def family(self) -> tuple[str, ...]:
        """Return the questions whose votes are its own."""
        return self.id, *self.merged_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionReply:
    """A reply in the thread of a question."""

    id: str
    question_id: str
    author_id: str
    text: str
    written_at: datetime
    by_staff: bool = False
    is_answer: bool = False
    hidden: bool = False
