"""Begins the steps of online meetings when they are due, and tells of those that are late; reports
how long recordings wait.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Protocol

from chassis.data.store import Database
from chassis.messaging.subscriptions import Timer
from services.sessions import metrics
from services.sessions.alone import fails_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import meetings

EVERY = timedelta(seconds=1)
REPORT_EVERY = timedelta(seconds=15)


class Act(Protocol):
    """A use case about one session's meeting."""

    def __call__(self, store: SessionsStore, session_id: str) -> None:
        """Do it in a unit of work."""


def meeting_timers(ahead: timedelta, warning: timedelta) -> tuple[Timer[SessionsStore], ...]:
    """Return the timers. `ahead`: how long before its class a meeting is made; `warning`: how long
    before it its staff is told that it is not there.
    """
    return (
        Timer("sessions.meetings", EVERY, lambda database: begin_due(database, ahead)),
        Timer("sessions.unmade", EVERY, lambda database: tell_unmade(database, warning)),
        Timer("sessions.copies", REPORT_EVERY, report_copies, alone=False),
    )


def begin_due(database: Database[SessionsStore], ahead: timedelta) -> None:
    """Give the steps that are due to the processes that do them."""
    reader = database.reader()
    _each(database, reader.meetings_to_begin(reader.now + ahead), meetings.begin)


def tell_unmade(database: Database[SessionsStore], warning: timedelta) -> None:
    """Tell of meetings that are not there though their classes are near."""
    reader = database.reader()
    _each(database, reader.unmade_meetings(reader.now + warning), meetings.tell_unmade)


def report_copies(database: Database[SessionsStore]) -> None:
    """Report how long the oldest recording has waited to be copied or opened."""
    metrics.RECORDING_OLDEST.set(database.reader().oldest_copy().total_seconds())


def _each(database: Database[SessionsStore], session_ids: Iterable[str], act: Act) -> None:
    """Act in a unit of work for each session. One that fails stops no other."""
    for session_id in session_ids:
        with fails_alone("a meeting can't be followed", session_id=session_id):
            database.transact(partial(act, session_id=session_id))
