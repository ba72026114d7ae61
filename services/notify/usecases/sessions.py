"""Applying events on live classes: updating reminders, and broadcasting to the run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.domain.enums import SessionPurpose
from services.notify.domain.notices import Notice, NotKnownYet
from services.notify.domain.sessions import (
    ALL_MODES,
    Broadcast,
    Session,
    as_told,
    is_as_it_was,
    reminders_of,
    unexpected,
)
from services.notify.ports import Store
from services.notify.usecases.broadcasts import begin as begin_broadcast


@dataclass(frozen=True, slots=True)
class Move:
    """A session's new time and place."""

    session_id: str
    start_time: datetime
    end_time: datetime
    room: str
    instructor_id: str
    """Empty: of an event of an older version, in which the instructor stays."""
    at: datetime
    sequence: int
    event_id: str
    event_type: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told of classes: everyone in the run, or in some of its groups, and who teaches."""

    run_id: str
    group_ids: tuple[str, ...]
    instructor_id: str
    former_instructor_id: str = ""
    """Who taught until now; empty: the same."""
    purpose: SessionPurpose | None = None
    """What the classes are for; None: classes."""

    @property
    def instructors(self) -> tuple[str, ...]:
        """Return who teaches and taught."""
        people = filter(None, (self.instructor_id, self.former_instructor_id))
        return tuple(dict.fromkeys(people))


def schedule(store: Store, session: Session, leads: Iterable[timedelta]) -> None:
    """Store a new session, with its reminders."""
    known = store.session_by_id(session.id)
    if known is None or known.sequence < session.sequence:
        _keep(store, session, leads)


def restore(store: Store, session: Session, leads: Iterable[timedelta]) -> None:
    """Store a session as a resync tells it. Where its time and place are as they were, what people
    were told of them stays, and its reminders do. News of it that comes later is still told.

    A copy of the same sequence is replaced, too: an older version stored less of it.
    """
    known = store.session_by_id(session.id)
    if known is not None and known.sequence > session.sequence:
        return
    session = replace(session, heard=known.newest_news if known else 0)
    if known is not None and is_as_it_was(known, session):
        store.put_session(as_told(known, session))
    else:
        _keep(store, session, leads)


def restore_end(store: Store, session_id: str, sequence: int, at: datetime) -> None:
    """Store when a session ended, of which a resync told with this sequence that it is over."""
    known = store.session_by_id(session_id)
    if known is not None and known.sequence <= sequence:
        store.put_session(replace(known, end_time=min(known.end_time, at)))


def move(store: Store, move: Move, notice: Notice | None, leads: Iterable[timedelta]) -> None:
    """Move the reminders, and broadcast to the run; None: its series tells the move. An old event
    changes nothing; one that a resync came before is told if it is still so.

    Raises NotKnownYet.
    """
    known = found(store, move.session_id)
    if known.newest_news >= move.sequence:
        return
    session = replace(
        known,
        start_time=move.start_time,
        end_time=move.end_time,
        room=move.room,
        instructor_id=move.instructor_id or known.instructor_id,
        event_id=move.event_id,
        event_type=move.event_type,
        sequence=max(known.sequence, move.sequence),
        heard=None if known.sequence < move.sequence else move.sequence,
    )
    if known.sequence >= move.sequence and not is_as_it_was(known, session):
        return
    _keep(store, session, leads)
    if notice is not None:
        until = max(known.end_time, session.end_time)
        announce(store, _audience(session, known.instructor_id), notice, move.at, until)


def rename_room(store: Store, session_id: str, sequence: int, room: str) -> None:
    """Store the new name of a session's room: later reminders tell it. Raises NotKnownYet."""
    known = found(store, session_id)
    if known.sequence < sequence:
        store.put_session(replace(known, room=room, sequence=sequence))


def cancel(
    store: Store, session_id: str, sequence: int, notice: Notice | None, at: datetime
) -> None:
    """Delete the reminders, and broadcast to the run; None: its series tells it. An old event
    changes nothing; one that a resync came before is told. Raises NotKnownYet.
    """
    known = found(store, session_id)
    if known.newest_news < sequence:
        _close(store, replace(known, cancelled=True, heard=None), max(known.sequence, sequence))
        if notice is not None:
            announce(store, _audience(known), notice, at, known.end_time)


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


def announce(
    store: Store, audience: Audience, notice: Notice, at: datetime, until: datetime
) -> None:
    """Begin a broadcast, which waits until an instant for people who are not known yet.

    It is quiet for learners who are not expected in live classes.
    """
    if store.broadcast(notice.event_id) is not None:
        return
    begin_broadcast(
        store,
        Broadcast(
            id=notice.event_id,
            run_id=audience.run_id,
            notice=notice,
            urgent=notice.is_urgent(store.now),
            modes=tuple(sorted(ALL_MODES)),
            at=at,
            until=until,
            waiting=audience.instructors,
            quiet_modes=unexpected(audience.purpose),
            instructor_id=audience.instructor_id,
            group_ids=audience.group_ids,
        ),
    )


def found(store: Store, session_id: str) -> Session:
    """Return the session. Raises NotKnownYet."""
    session = store.session_by_id(session_id)
    if session is None:
        raise NotKnownYet(f"session {session_id}")
    return session


def _audience(session: Session, former_instructor_id: str = "") -> Audience:
    return Audience(
        session.run_id,
        session.group_ids,
        session.instructor_id,
        former_instructor_id,
        session.purpose,
    )


def _keep(store: Store, session: Session, leads: Iterable[timedelta]) -> None:
    store.put_session(session)
    reminders = reminders_of(session, leads, store.now) if session.standing else []
    store.put_reminders(session.id, reminders)


def _close(store: Store, session: Session, sequence: int) -> None:
    store.put_session(replace(session, standing=False, sequence=sequence))
    store.put_reminders(session.id, [])
