"""Timers of sessions that end what a class leaves open: its polls, and the feedback on it."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from chassis.data.store import Database
from services.sessions.alone import fails_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import feedback, polls


def close_polls(database: Database[SessionsStore]) -> None:
    """Close the OPEN polls of classes that are over."""
    found = database.reader().polls_to_close()
    _each(database, (partial(polls.close_poll, poll_id=each) for each in found))


def show_feedback(database: Database[SessionsStore]) -> None:
    """Show feedback where there is enough more, and end it where its time is over."""
    reader = database.reader()
    shown = reader.feedback_to_show()
    _each(database, (partial(feedback.show_feedback, session_id=each) for each in shown))
    over = reader.feedback_to_close()
    _each(database, (partial(feedback.close_feedback, session_id=each) for each in over))


def _each(database: Database[SessionsStore], works: Iterable[partial[Any]]) -> None:
    """Do each work in a unit of work of its own. One that fails stops no other."""
    for work in works:
        with fails_alone("a timer's work failed", work=work.func.__name__, **work.keywords):
            database.transact(work)
