"""Agendas: in which class an open question is to be answered.

The agenda follows from the question and from the run's classes as they are now, and from nothing
else. So the same facts, in whatever order they came, end in the same agendas.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chassis.runs import is_for
from services.sessions.domain.enums import SessionState
from services.sessions.domain.question_changes import noted
from services.sessions.domain.questions import (
    Question,
    QuestionAction,
    QuestionPlace,
    QuestionState,
)
from services.sessions.domain.session import Session


def agenda_of(question: Question, sessions: Iterable[Session]) -> str:
    """Return the session, of those of the run, on whose agenda an OPEN question is; empty: none.

    It is the class in which it was asked, while that is LIVE; or else the first of its groups that
    is to come, or that began after it was asked.
    """
    possible = [each for each in sessions if _is_possible(question, each)]
    asked_here = [each.id for each in possible if _is_asked_in(question, each)]
    if asked_here:
        return asked_here[0]
    first = min(possible, key=lambda each: (each.start_time, each.id), default=None)
    return first.id if first else ""


def placed(question: Question, session_id: str, before: Session | None, now: datetime) -> Question:
    """Return a question that comes to a session's agenda (empty: none). `before`: the session on
    whose agenda it was.
    """
    carried = was_left_open(before)
    action = QuestionAction.CARRIED_OVER if carried else QuestionAction.PLACED
    count = question.carried_over + carried
    moved = replace(question, session_id=session_id, carried_over=count)
    return noted(moved, now, action, session_id=session_id)


def was_left_open(before: Session | None) -> bool:
    """Return whether the class on whose agenda a question is has ended without an answer."""
    return before is not None and before.state is SessionState.ENDED


def is_live(session: Session | None) -> bool:
    """Return whether people see a class live now."""
    return session is not None and session.state is SessionState.LIVE


def is_placed(question: Question) -> bool:
    """Return whether a question belongs on an agenda."""
    return question.state is QuestionState.OPEN


def _is_possible(question: Question, session: Session) -> bool:
    if session.run_id != question.run_id or not _is_for(question, session):
        return False
    if session.state is SessionState.SCHEDULED:
        return session.not_held_at is None
    return is_live(session) and (
        _is_asked_in(question, session)
        or question.open_since <= (session.started_at or session.start_time)
    )


def _is_for(question: Question, session: Session) -> bool:
    return is_for(session.group_ids, question.group_ids)


def _is_asked_in(question: Question, session: Session) -> bool:
    return question.place is QuestionPlace.LIVE and question.asked_in == session.id
