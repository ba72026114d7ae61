"""Sessions as the API shows them to a caller."""

from collections.abc import Sequence
from dataclasses import replace

from tandem.sessions.v1 import resources_pb2

from chassis.context import principal
from chassis.contracts.mapping import to_message
from services.sessions import queries, queries_recordings, rights
from services.sessions.domain import checkin
from services.sessions.domain.enums import SessionState
from services.sessions.domain.recorded_parts import Recording, first_playable
from services.sessions.domain.session import Session
from services.sessions.rights import Viewer
from services.sessions.store import SessionsStore


def answer(store: SessionsStore, session: Session) -> resources_pb2.Session:
    """Return a session as the API shows it."""
    [shown] = answers(store, [session])
    return shown


def answers(store: SessionsStore, sessions: Sequence[Session]) -> list[resources_pb2.Session]:
    """Return sessions as the API shows them to the caller, with the state of their recordings."""
    known = queries_recordings.recordings(store, sessions)
    online = queries.online_counts(store, sessions)
    viewer = rights.viewer(store, principal.current(), sessions)
    return [
        _shown(
            store,
            replace(each, online=each.online + online.get(each.id, 0)),
            known.get(each.id, ()),
            viewer,
        )
        for each in sessions
    ]


def _shown(
    store: SessionsStore, session: Session, parts: Sequence[Recording], viewer: Viewer
) -> resources_pb2.Session:
    """Return a session as the API shows it: while it is LIVE, who holds it sees the room's code."""
    shows_code = session.state is SessionState.LIVE and viewer.shows_code(session)
    code = checkin.code_at(session, store.now) if shows_code else ""
    until = checkin.shown_until(store.now) if shows_code else None
    url = session.join_url if viewer.joins(session) else ""
    return to_message(
        session,
        resources_pb2.Session,
        recording=first_playable(parts),
        recordings=parts,
        check_in_code=code,
        check_in_code_until=until,
        join_url=url,
    )
