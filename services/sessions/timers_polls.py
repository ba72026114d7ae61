"""The timer of sessions that closes the polls which a class leaves open."""

from functools import partial

from chassis.data.store import Database
from services.sessions.alone import each_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import polls


def close_polls(database: Database[SessionsStore]) -> None:
    """Close the OPEN polls of classes that are over."""
    found = database.reader().polls_to_close()
    works = (partial(polls.close_poll, poll_id=each) for each in found)
    each_alone("a poll can't be closed", database, works)
