"""Plan, move and cancel sessions."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.refusals import FailedPrecondition, Fault, check
from services.sessions.domain.events import (
    SessionCancelled,
    SessionMoved,
    SessionScheduled,
    about,
)
from services.sessions.domain.planning import (
    Move,
    Schedule,
    conflict_faults,
    instructor_faults,
    limit_faults,
    move_faults,
    moved,
    past_faults,
    planned,
    room_unknown,
    schedule_faults,
    taken_faults,
    unknown_faults,
)
from services.sessions.domain.roster import Person, Run
from services.sessions.domain.session import Room, Session, cancelled, expect
from services.sessions.domain.words import SessionKind, SessionState
from services.sessions.ports import Store
from services.sessions.usecases.found import session_for_update
from services.sessions.usecases.seats import promote


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call a session off."""

    session_id: str
    reason: str
    substitute_item_id: str


def schedule(store: Store, command: Schedule) -> Session:
    """Plan a session.

    Raises Invalid, or FailedPrecondition with all that is unknown or past, and every conflict.
    """
    check(schedule_faults(command))
    room = _room(store, command.room_id)
    session = planned(command, room, store.new_id(), store.new_secret())
    _be_alone_with_resources(store, session)
    run = store.copies(Run, [session.run_id]).get(session.run_id)
    person = store.copies(Person, [session.instructor_id]).get(session.instructor_id)
    _refuse(
        "the session can't be planned",
        *unknown_faults(session, run, room),
        *instructor_faults(session, run, person),
        *limit_faults(session, room),
        *past_faults(session, store.now),
        *_conflicts(store, session),
    )
    store.put_session(session)
    store.publish(about(session, SessionScheduled))
    return session


def move(store: Store, command: Move) -> Session:
    """Put a SCHEDULED session elsewhere; who waits for the room gets the seats that it gains.

    Raises NotFound, Invalid, or FailedPrecondition with every conflict and an end that is past.
    """
    check(move_faults(command))
    before = session_for_update(store, command.session_id)
    expect(before, "moved", SessionState.SCHEDULED)
    room_id = command.room_id or before.room_id
    room = _room(store, room_id)
    after = moved(before, command, room)
    if after == before:
        return before
    _be_alone_with_resources(store, after)
    _refuse(
        "the session can't be moved",
        *_room_faults(before, room_id, room),
        *taken_faults(after),
        *past_faults(after, store.now),
        *_conflicts(store, after),
    )
    store.publish(_session_moved(before, after, command.reason))
    return promote(store, after)


def cancel(store: Store, command: Cancel) -> Session:
    """Call a SCHEDULED session off; one that is CANCELLED is answered as it is."""
    before = session_for_update(store, command.session_id)
    if before.state is SessionState.CANCELLED:
        return before
    session = cancelled(before)
    store.put_session(session)
    substitute = command.substitute_item_id
    store.publish(
        about(session, SessionCancelled, reason=command.reason, substitute_item_id=substitute)
    )
    return session


def _room(store: Store, room_id: str) -> Room | None:
    return store.room(room_id) if room_id else None


def _be_alone_with_resources(store: Store, session: Session) -> None:
    """Two requests for one room or instructor must not both find it free."""
    rooms = [f"room:{session.room_id}"] if session.room_id else []
    store.guard(f"instructor:{session.instructor_id}", *rooms)


def _conflicts(store: Store, session: Session) -> list[Fault]:
    others = store.bookings(
        session.room_id, session.instructor_id, session.start_time, session.end_time
    )
    return conflict_faults(session, others)


def _room_faults(session: Session, room_id: str, room: Room | None) -> Iterable[Fault]:
    if session.kind is SessionKind.ONLINE:
        return (
            [Fault("room_id", "is given", "the session is ONLINE and has none")] if room_id else []
        )
    return [room_unknown(room_id)] if room is None else []


def _refuse(summary: str, *faults: Fault) -> None:
    if faults:
        raise FailedPrecondition(summary, faults)


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
