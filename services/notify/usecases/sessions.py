"""Applying events on live classes: updating reminders, and broadcasting to the run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.domain.notices import Notice, NotKnownYet
from services.notify.domain.sessions import (
    ALL_MODES,
    UNEXPECTED,
    Broadcast,
    Session,
    reminders_of,
)
from services.notify.ports import Store


@dataclass(frozen=True, slots=True)
class Move:
    """A session's new time and place."""

    session_id: str
    start_time: datetime
    end_time: datetime
    room: str
    at: datetime
    sequence: int


def schedule(store: Store, session: Session, leads: Iterable[timedelta]) -> None:
    """Store a new session, with its reminders."""
    known = store.session_by_id(session.id)
    if known is None or known.sequence < session.sequence:
        _keep(store, session, leads)


def move(store: Store, move: Move, notice: Notice, leads: Iterable[timedelta]) -> None:
    """Move the reminders, and broadcast to the run. An old event changes nothing.

    Raises NotKnownYet.
    """
    known = found(store, move.session_id)
    if known.sequence >= move.sequence:
        return
    session = replace(
        known,
        start_time=move.start_time,
        end_time=move.end_time,
        room=move.room,
        event_id=notice.event_id,
        event_type=notice.event_type,
        sequence=move.sequence,
    )
    _keep(store, session, leads)
    announce(store, session, notice, move.at, max(known.end_time, session.end_time))


def rename_room(store: Store, session_id: str, sequence: int, room: str) -> None:
    """Store the new name of a session's room: later reminders tell it. Raises NotKnownYet."""
    known = found(store, session_id)
    if known.sequence < sequence:
        store.put_session(replace(known, room=room, sequence=sequence))


def cancel(store: Store, session_id: str, sequence: int, notice: Notice, at: datetime) -> None:
    """Delete the reminders, and broadcast to the run; an old event changes nothing. Raises
    NotKnownYet.
    """
    known = found(store, session_id)
    if known.sequence < sequence:
        _close(store, replace(known, cancelled=True), sequence)
        announce(store, known, notice, at, known.end_time)


def begin(store: Store, session_id: str, sequence: int) -> None:
    """Delete the reminders of a session that has begun. Raises NotKnownYet."""
    known = found(store, session_id)
    if known.sequence < sequence:
        _close(store, known, sequence)


def end(store: Store, session_id: str, sequence: int, at: datetime) -> None:
    """Delete the reminders of a session that has ended. Raises NotKnownYet."""
    known = found(store, session_id)
    if known.sequence < sequence:
        _close(store, replace(known, end_time=min(known.end_time, at)), sequence)


def reopen(store: Store, session_id: str, sequence: int, leads: Iterable[timedelta]) -> None:
    """Remind again of a session whose start was taken back. Raises NotKnownYet."""
    known = found(store, session_id)
    if known.sequence < sequence:
        _keep(store, replace(known, standing=True, sequence=sequence), leads)


def announce(store: Store, session: Session, notice: Notice, at: datetime, until: datetime) -> None:
    """Begin a broadcast to everyone in the run, or in the session's groups, and to its instructor.

    It is quiet for learners who are not expected in live classes.
    """
    if store.broadcast(notice.event_id) is not None:
        return
    store.lock_rosters({session.run_id})
    waiting = (session.instructor_id,) if session.instructor_id else ()
    store.put_broadcast(
        Broadcast(
            id=notice.event_id,
            run_id=session.run_id,
            notice=notice,
            urgent=notice.is_urgent(store.now),
            modes=tuple(sorted(ALL_MODES)),
            at=at,
            until=until,
            waiting=waiting,
            quiet_modes=tuple(sorted(UNEXPECTED)),
            instructor_id=session.instructor_id,
            group_ids=session.group_ids,
        )
    )


def found(store: Store, session_id: str) -> Session:
    """Return the session. Raises NotKnownYet."""
    session = store.session_by_id(session_id)
    if session is None:
        raise NotKnownYet(f"session {session_id}")
    return session


def _keep(store: Store, session: Session, leads: Iterable[timedelta]) -> None:
    store.put_session(session)
    reminders = reminders_of(session, leads, store.now) if session.standing else []
    store.put_reminders(session.id, reminders)


def _close(store: Store, session: Session, sequence: int) -> None:
    store.put_session(replace(session, standing=False, sequence=sequence))
    store.put_reminders(session.id, [])
