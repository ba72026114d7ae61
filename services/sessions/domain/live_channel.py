"""The live channel of a class: when it is open, who may be in it, and what may be written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import FailedPrecondition, FieldViolation, PermissionDenied, check
from chassis.texts import is_blank, normal, shown
from services.sessions.domain.enums import SessionState
from services.sessions.domain.session import Session, instant_text

OPENS_BEFORE = timedelta(hours=2)
CHAT_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person may do in a class now."""

    is_staff: bool
    muted: bool = False
    """Whether the person may not write."""
    removed: bool = False
    """Whether the person may not be in the channel."""


def is_open(session: Session, now: datetime) -> bool:
    """Return whether a class's channel is open."""
    return not any(closed_violations(session, now))


def is_over(session: Session) -> bool:
    """Return whether a class's channel does not open any more."""
    over = session.state in (SessionState.ENDED, SessionState.CANCELLED)
    return over or session.not_held_at is not None


def closed_violations(session: Session, now: datetime) -> Iterator[FieldViolation]:
    """Yield why a class's channel is not open."""
    opens = session.start_time - OPENS_BEFORE
    if is_over(session):
        yield FieldViolation(
            "session_id", "its class is over", "a class that goes on or is to come"
        )
    elif session.state is SessionState.SCHEDULED and now < opens:
        wrong = f"its class starts at {instant_text(session.start_time)}"
        yield FieldViolation("session_id", wrong, f"its channel opens at {instant_text(opens)}")


def expect_open(session: Session, now: datetime) -> None:
    """Raise FailedPrecondition unless a class's channel is open."""
    if violations := [*closed_violations(session, now)]:
        raise FailedPrecondition("the class's channel is not open", violations)


def expect_allowed(standing: Standing | None) -> Standing:
    """Return the standing of who may be in a class's channel. Raises PermissionDenied for others
    (None), and for who was removed.
    """
    if standing is None:
        raise PermissionDenied("this class is for others: a run's learners, or some groups of them")
    if standing.removed:
        raise PermissionDenied("you were removed from this class")
    return standing


def expect_may_write(standing: Standing | None) -> None:
    """Raise PermissionDenied for who may not be there, and for who is muted."""
    if expect_allowed(standing).muted:
        raise PermissionDenied("you are muted in this class")


def chat_text(text: str) -> str:
    """Return a text as the chat has it: one line, in the normal form. Raises Invalid if nothing of
    it can be seen.
    """
    found = normal(shown(text))
    check([FieldViolation("text", "is blank", "a text")] if is_blank(found) else [])
    return found


def chat_until(session: Session, keep: bool) -> datetime | None:
    """Return until when what is written in a class's chat stays; None: for good."""
    return None if keep else session.planned_end + CHAT_KEPT
