"""Begin a session and end it."""

from collections.abc import Iterator, Sequence

from services.sessions.domain.attendance import Attendance, parts, settle
from services.sessions.domain.events import (
    AttendanceSettled,
    SessionEnded,
    SessionStarted,
    about,
)
from services.sessions.domain.presence import by_learner
from services.sessions.domain.session import Session, ended, started
from services.sessions.domain.words import SessionState
from services.sessions.ports import Store
from services.sessions.usecases import found


def start(store: Store, session_id: str) -> Session:
    """Begin a SCHEDULED session, at any time; one that is LIVE is answered as it is."""
    before = found.session_for_update(store, session_id)
    if before.state is SessionState.LIVE:
        return before
    session = started(before, store.now)
    store.put_session(session)
    store.publish(about(session, SessionStarted))
    return session


def end(store: Store, session_id: str) -> Session:
    """End a LIVE session and settle its attendance; one that is ENDED is answered as it is."""
    before = found.session_for_update(store, session_id)
    if before.state is SessionState.ENDED:
        return before
    session = ended(before, store.now)
    store.guard_presence(session_id)
    rows = _settled(store, session)
    store.add_attendance(rows)
    store.put_session(session)
    store.publish(about(session, SessionEnded), *_attendance_events(session, rows))
    return session


def _settled(store: Store, session: Session) -> list[Attendance]:
    return settle(
        session,
        store.expected_learners(session),
        by_learner(store.marks(session.id)),
        found.policy_of(store, session),
    )


def _attendance_events(session: Session, rows: Sequence[Attendance]) -> Iterator[AttendanceSettled]:
    all_parts = list(parts(rows))
    for number, learners in enumerate(all_parts, start=1):
        yield about(
            session, AttendanceSettled, part=number, parts=len(all_parts), learners=learners
        )
