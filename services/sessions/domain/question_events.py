"""The events of questions; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from services.sessions.domain.questions import Question, QuestionPlace

E = TypeVar("E")


def about_question(question: Question, event: type[E], **more: object) -> E:
    """Return an event about a question; fields that `more` does not set come from it."""
    named: dict[str, Any] = {"question_id": question.id, "question": question.text, **more}
    return event(
        **{
            field.name: named[field.name] if field.name in named else getattr(question, field.name)
            for field in fields(event)  # type: ignore[arg-type]
        }
    )


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """A learner asked a question."""

    question_id: str
    run_id: str
    group_ids: tuple[str, ...]
    asker_id: str
    question: str
    asked_at: datetime
    place: QuestionPlace
    asked_in: str
    item_id: str
    offset_seconds: float
    session_id: str
    instructor_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionVoted:
    """How many learners want a question answered has changed."""

    question_id: str
    run_id: str
    votes: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionMerged:
    """A question was merged into another one."""

    question_id: str
    run_id: str
    merged_into: str
    asker_id: str
    merged_by: str
    merged_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """A question, or the one that it was merged into, was answered."""

    question_id: str
    run_id: str
    answered_question_id: str
    asker_id: str
    question: str
    answer: str
    session_id: str
    session_title: str
    offset_seconds: float
    answered_by: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionCarriedOver:
    """An open question came to another agenda, or waits for a session."""

    question_id: str
    run_id: str
    asker_id: str
    question: str
    from_session_id: str
    from_title: str
    left_open: bool
    session_id: str
    title: str
    start_time: datetime | None
    instructor_ids: tuple[str, ...]
    carried_at: datetime
    also_asked_by: tuple[str, ...] = ()
    """If a class left it open: who asked a question that was merged into it."""


@dataclass(frozen=True, slots=True)
class QuestionWithdrawn:
    """A question was taken back, or hidden."""

    question_id: str
    run_id: str
    asker_id: str
    hidden_by: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionReopened:
    """A question is open again."""

    question_id: str
    run_id: str
    asker_id: str
    session_id: str
    reopened_by: str
    reopened_at: datetime
