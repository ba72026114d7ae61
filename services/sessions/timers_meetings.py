"""Begins the steps of online meetings when they are due, and tells of those that are late; reports
how long recordings wait.
"""

from datetime import timedelta
from functools import partial

from chassis.data.store import Database
from chassis.messaging.subscriptions import Timer
from services.sessions import metrics
from services.sessions.alone import each_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import meetings

EVERY = timedelta(seconds=1)
REPORT_EVERY = timedelta(seconds=15)


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
    due = reader.meetings_to_begin(reader.now + ahead)
    works = (partial(meetings.begin, session_id=each) for each in due)
    each_alone("a meeting can't be followed", database, works)


def tell_unmade(database: Database[SessionsStore], warning: timedelta) -> None:
    """Tell of meetings that are not there though their classes are near."""
    reader = database.reader()
    unmade = reader.unmade_meetings(reader.now + warning)
    works = (partial(meetings.tell_unmade, session_id=each) for each in unmade)
    each_alone("a meeting can't be followed", database, works)


def report_copies(database: Database[SessionsStore]) -> None:
    """Report how long the oldest recording has waited to be copied or opened."""
    metrics.RECORDING_OLDEST.set(database.reader().oldest_copy().total_seconds())
