"""Starting and ending a session; ending those that nobody ends."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.sessions.domain.enums import SessionState
from services.sessions.domain.events import (
    SessionEnded,
    SessionNotHeld,
    SessionStarted,
    SessionStartUndone,
    about,
)
from services.sessions.domain.finalising import Finalisation
from services.sessions.domain.session import Session, ended, started, unstarted
from services.sessions.ports import Store
from services.sessions.usecases import lookup, meetings
from services.sessions.usecases.feedback import open_feedback
from services.sessions.usecases.holding import withdraw_all
from services.sessions.usecases.recordings import keep_hands
from services.sessions.usecases.seats import promote


def start(store: Store, session_id: str) -> Session:
    """Start a SCHEDULED session, at any time; return a session that is already LIVE as it is."""
    before = lookup.lock_session(store, session_id)
    if before.state is SessionState.LIVE:
        return before
    [session] = withdraw_all(store, [started(before, store.now)])
    store.put_session(session)
    store.note_agendas([session.run_id])
    store.record_event(about(session, SessionStarted))
    return session


def undo_start(store: Store, session_id: str) -> Session:
    """Take the start of a LIVE session back; return a SCHEDULED one as it is.

    Presence stays: it counts if the session is held. Free seats go to who waits again.
    """
    before = lookup.lock_session(store, session_id)
    if before.state is SessionState.SCHEDULED:
        return before
    session = promote(store, unstarted(before))
    store.note_agendas([session.run_id])
    store.record_event(about(session, SessionStartUndone, undone_at=store.now))
    return session


def end(store: Store, session_id: str) -> Session:
    """End a LIVE session; the worker then finalises its attendance in chunks (finalising.py).

    Return an ENDED session as it is.
    """
    before = lookup.lock_session(store, session_id)
    if before.state is SessionState.ENDED:
        return before
    return _end(store, before, store.now)


def settle_overdue(store: Store, session_id: str, grace: timedelta) -> None:
    """Settle a session whose planned end is past by more than `grace`, and which nobody has ended.

    If nobody started it either, those who joined it did: it took place as planned. If nobody
    joined, it is noted that it was not held.
    """
    session = lookup.lock_session(store, session_id)
    if store.now < session.planned_end + grace:
        return
    if session.state is SessionState.SCHEDULED and session.not_held_at is None:
        if not store.has_presence_events(session.id):
            session = replace(session, not_held_at=store.now)
            store.put_session(session)
            store.note_agendas([session.run_id])
            store.record_event(about(session, SessionNotHeld))
            return
        [session] = withdraw_all(store, [started(session, session.start_time)])
        store.record_event(about(session, SessionStarted))
    if session.state is SessionState.LIVE:
        _end(store, session, session.planned_end)


def _end(store: Store, live: Session, at: datetime) -> Session:
    session = ended(live, at)
    store.put_session(session)
    store.put_finalisation(Finalisation(session.id, session.run_id))
    meetings.follow(store, [session])
    keep_hands(store, session)
    open_feedback(store, session)
    store.note_agendas([session.run_id])
    store.record_event(about(session, SessionEnded))
    return session
