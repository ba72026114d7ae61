"""Feedback after a class: who may leave it, until when, and what is shown of it.

Who reads the sum of some answers, and again when there is one more, knows the last one. So what is
shown changes only when at least five more people have answered; changed answers come with them.
Answers after the last such change are never shown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from chassis.texts import is_blank
from services.sessions.domain.anonymity import SMALLEST
from services.sessions.domain.poll_events import FeedbackClosed
from services.sessions.domain.session import Session, instant_text

BEST = 5
"""Ratings are from 1 to this."""
GRACE = timedelta(minutes=2)
"""How long after its time a window closes: all answers that came in time are stored by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveFeedback:
    """What a learner thinks of a class; ratings are from 1 to 5."""

    session_id: str
    learner_id: str
    pace: int
    clarity: int
    usefulness: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings of one answer, which names nobody."""

    pace: int
    clarity: int
    usefulness: int


@dataclass(frozen=True, slots=True)
class OwnFeedback:
    """One answer as its author reads it back."""

    pace: int
    clarity: int
    usefulness: int
    comment: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Answers together: for each question how many rated it 1, 2, 3, 4, 5."""

    answers: int = 0
    pace: tuple[int, ...] = ()
    clarity: tuple[int, ...] = ()
    usefulness: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackWindow:
    """The time in which learners answer, and what is shown of it; `id` is the session's."""

    id: str
    run_id: str
    closes_at: datetime
    secret: str
    """The key of the authors' hashes, in hex; empty when it is closed."""
    published: Summary = Summary()
    answers: int = 0
    """How many answers there were, when it is closed."""
    closed_at: datetime | None = None


def opened(session: Session, within: timedelta, secret: str) -> FeedbackWindow | None:
    """Return the window for feedback on an ENDED session; None if nobody is asked."""
    if not within or session.ended_at is None:
        return None
    closes_at = session.ended_at + within
    return FeedbackWindow(id=session.id, run_id=session.run_id, closes_at=closes_at, secret=secret)


def late_violations(window: FeedbackWindow, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if no feedback is taken on a session any more."""
    if now >= window.closes_at or window.closed_at is not None:
        wrong = f"feedback was taken until {instant_text(window.closes_at)}"
        yield FieldViolation("session_id", wrong, "feedback before that")


def key_violations(window: FeedbackWindow) -> Iterator[FieldViolation]:
    """Yield a violation if nobody can tell any more whose an answer is."""
    if window.closed_at is not None:
        wrong = f"the feedback was closed at {instant_text(window.closed_at)}"
        yield FieldViolation("session_id", wrong, "a session whose feedback is open")


def author_violations(may_answer: bool) -> Iterator[FieldViolation]:
    """Yield a violation for a learner who had nothing to do with a session."""
    if not may_answer:
        wrong = "was neither expected at the session nor there"
        yield FieldViolation("learner_id", wrong, "a learner who was")


def comment_of(text: str) -> str:
    """Return a comment as it is stored; empty if nothing of it can be seen."""
    return "" if is_blank(text) else text.strip()


def summary_of(answers: Iterable[Ratings]) -> Summary:
    """Return some answers together."""
    counts = [[0] * BEST for _ in range(3)]
    for each in answers:
        for row, rating in zip(counts, (each.pace, each.clarity, each.usefulness), strict=True):
            row[rating - 1] += 1
    return Summary(sum(counts[0]), *map(tuple, counts))


def is_due(published: Summary, now: Summary) -> bool:
    """Return whether there are enough more answers to show them."""
    return now.answers - published.answers >= SMALLEST


def closed(window: FeedbackWindow, answers: int, now: datetime) -> FeedbackWindow:
    """Return the window, closed, without the key of its authors' hashes."""
    return replace(window, secret="", answers=answers, closed_at=now)


def closed_event(window: FeedbackWindow, now: datetime) -> FeedbackClosed:
    """Return what other systems are told: what is shown."""
    return FeedbackClosed(
        session_id=window.id,
        run_id=window.run_id,
        answers=window.published.answers,
        pace=window.published.pace,
        clarity=window.published.clarity,
        usefulness=window.published.usefulness,
        closed_at=now,
    )
