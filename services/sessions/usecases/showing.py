"""What events tell of what calendars show from now, so that others can send it by mail."""

from collections.abc import Iterable, Sequence
from itertools import chain

from chassis.calendars.entries import Entry
from services.sessions.domain.calendars import fitting, told_of_series, told_of_session
from services.sessions.domain.civil import local_of, text_of
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.ports import Instances, Store
from services.sessions.usecases import lookup


def of_session(store: Store, session: Session) -> tuple[Entry, ...]:
    """Return what calendars show of a session."""
    series = lookup.series(store, session.series_id) if session.series_id else None
    return told_of_session(session, series)


def of_sessions(series: Series, sessions: Sequence[Session]) -> tuple[Entry, ...]:
    """Return what calendars show of sessions of a series, which an event lists; nothing if it is
    too much.
    """
    told = [each for one in sessions for each in told_of_session(one, series)]
    return fitting(told, len(sessions))


def of_series(
    store: Store, instances: Instances, stored: Iterable[Series], classes: int
) -> tuple[Entry, ...]:
    """Return what calendars show of series whose sessions are stored; nothing if it is too much
    for an event beside so many classes.
    """
    told = chain.from_iterable(_of_series(store, instances, each) for each in stored)
    return fitting([*told], classes)


def _of_series(store: Store, instances: Instances, series: Series) -> tuple[Entry, ...]:
    given = [*map(text_of, instances(series.rrule, local_of(series.starts)))]
    return told_of_series(series, store.sessions_of_series(series.id), given)
