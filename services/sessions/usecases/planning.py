"""Planning, moving and cancelling sessions."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.errors import FailedPrecondition, FieldViolation, check
from services.sessions.domain.enums import SessionKind, SessionState
from services.sessions.domain.events import (
    SessionCancelled,
    SessionMoved,
    SessionScheduled,
    about,
)
from services.sessions.domain.planning import (
    Move,
    Schedule,
    conflict_violations,
    group_violations,
    instructor_violations,
    limit_violations,
    move_violations,
    moved,
    past_violations,
    planned,
    retired_violations,
    room_unknown,
    schedule_violations,
    taken_violations,
    unknown_violations,
)
from services.sessions.domain.roster import Group, Person, Run
from services.sessions.domain.session import Room, Session, cancelled, expect
from services.sessions.ports import Store
from services.sessions.usecases.lookup import lock_session
from services.sessions.usecases.seats import promote


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a session."""

    session_id: str
    reason: str
    substitute_item_id: str


def schedule(store: Store, command: Schedule) -> Session:
    """Plan a session.

    Raises Invalid, or FailedPrecondition with everything that is unknown or past and every
    conflict.
    """
    check(schedule_violations(command))
    room = _room(store, command.room_id)
    session = planned(command, room, store.new_id(), store.new_secret())
    _lock_resources(store, session)
    run = store.replicas(Run, [session.run_id]).get(session.run_id)
    person = store.replicas(Person, [session.instructor_id]).get(session.instructor_id)
    _refuse(
        "the session can't be planned",
        *unknown_violations(session, run, room),
        *group_violations(session, store.replicas(Group, session.group_ids)),
        *instructor_violations(session, run, person),
        *retired_violations(room),
        *limit_violations(session, room),
        *past_violations(session, store.now),
        *_conflicts(store, session),
    )
    store.put_session(session)
    store.record_event(about(session, SessionScheduled))
    return session


def move(store: Store, command: Move) -> Session:
    """Move a SCHEDULED session; if the new room has more seats, waiting learners get them.

    Raises NotFound, Invalid, or FailedPrecondition with every conflict or an end that is past.
    """
    check(move_violations(command))
    before = lock_session(store, command.session_id)
    expect(before, "moved", SessionState.SCHEDULED)
    room_id = command.room_id or before.room_id
    room = _room(store, room_id)
    after = moved(before, command, room)
    if after == before:
        return before
    _lock_resources(store, after)
    _refuse(
        "the session can't be moved",
        *_room_violations(before, room_id, room),
        *retired_violations(room),
        *taken_violations(after),
        *past_violations(after, store.now),
        *_conflicts(store, after),
    )
    store.record_event(_session_moved(before, after, command.reason))
    return promote(store, after)


def cancel(store: Store, command: Cancel) -> Session:
    """Cancel a SCHEDULED session; return a CANCELLED one as it is."""
    before = lock_session(store, command.session_id)
    if before.state is SessionState.CANCELLED:
        return before
    session = cancelled(before)
    store.put_session(session)
    substitute = command.substitute_item_id
    store.record_event(
        about(session, SessionCancelled, reason=command.reason, substitute_item_id=substitute)
    )
    return session


def _room(store: Store, room_id: str) -> Room | None:
    return store.room(room_id) if room_id else None


def _lock_resources(store: Store, session: Session) -> None:
    """Lock room and instructor: two requests must not both find one of them free."""
    rooms = [f"room:{session.room_id}"] if session.room_id else []
    store.lock(f"instructor:{session.instructor_id}", *rooms)


def _conflicts(store: Store, session: Session) -> list[FieldViolation]:
    others = store.bookings(
        session.room_id, session.instructor_id, session.start_time, session.end_time
    )
    return conflict_violations(session, others)


def _room_violations(session: Session, room_id: str, room: Room | None) -> Iterable[FieldViolation]:
    if session.kind is SessionKind.ONLINE:
        return (
            [FieldViolation("room_id", "is given", "the session is ONLINE and has none")]
            if room_id
            else []
        )
    return [room_unknown(room_id)] if room is None else []


def _refuse(summary: str, *violations: FieldViolation) -> None:
    if violations:
        raise FailedPrecondition(summary, violations)


def _session_moved(before: Session, after: Session, reason: str) -> SessionMoved:
    return about(
        after,
        SessionMoved,
        old_start_time=before.start_time,
        old_end_time=before.end_time,
        new_start_time=after.start_time,
        new_end_time=after.end_time,
        new_starts=after.starts,
        old_room=before.room,
        new_room=after.room,
        reason=reason,
    )
