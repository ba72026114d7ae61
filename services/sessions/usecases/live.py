"""Starting and ending a session."""

from services.sessions.domain.enums import SessionState
from services.sessions.domain.events import SessionEnded, SessionStarted, about
from services.sessions.domain.finalising import Finalisation
from services.sessions.domain.session import Session, ended, started
from services.sessions.ports import Store
from services.sessions.usecases import lookup


def start(store: Store, session_id: str) -> Session:
    """Start a SCHEDULED session, at any time; return a session that is already LIVE as it is."""
    before = lookup.lock_session(store, session_id)
    if before.state is SessionState.LIVE:
        return before
    session = started(before, store.now)
    store.put_session(session)
    store.record_event(about(session, SessionStarted))
    return session


def end(store: Store, session_id: str) -> Session:
    """End a LIVE session; the worker then finalises its attendance in chunks (finalising.py).

    Return an ENDED session as it is.
    """
    before = lookup.lock_session(store, session_id)
    if before.state is SessionState.ENDED:
        return before
    session = ended(before, store.now)
    store.put_session(session)
    store.put_finalisation(Finalisation(session.id, session.run_id))
    store.record_event(about(session, SessionEnded))
    return session
