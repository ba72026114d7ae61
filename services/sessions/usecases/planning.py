"""Planning, moving and cancelling sessions."""

from dataclasses import dataclass, replace

from chassis.calendars.entries import Entry
from chassis.errors import check, check_state
from services.sessions.domain.enums import SessionState
from services.sessions.domain.events import SessionCancelled, SessionScheduled, about
from services.sessions.domain.planning import (
    Move,
    Schedule,
    move_violations,
    moved,
    planned,
    schedule_violations,
)
from services.sessions.domain.session import Session, cancelled, expect
from services.sessions.ports import Store
from services.sessions.usecases import help_outcomes, lookup, placing, revising, rotation, showing
from services.sessions.usecases.holding import withdraw_all
from services.sessions.usecases.limits import Limits
from services.sessions.usecases.seats import promote


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a session."""

    session_id: str
    reason: str
    substitute_item_id: str


def schedule(
    store: Store, command: Schedule, online_limit: int = 0, hosts: bool = False
) -> Session:
    """Plan a session. `online_limit`: seats online of all sessions at a time; 0: no limit; `hosts`:
    there are meeting servers.

    Raises Invalid, or FailedPrecondition with everything that is unknown or past and every
    clash.
    """
    check(schedule_violations(command, hosts))
    room = placing.room_of(store, command.room_id)
    session = placing.dated(store, planned(command, room, store.new_id(), store.new_secret()))
    limits = Limits(command.max_learner_clashes, online_limit)
    placing.lock_resources(store, [session], limits)
    run = lookup.run_of(store, session)
    wrong = placing.plan_violations(store, {"": session}, run, room, limits)
    check_state("the session can't be planned", wrong)
    [session] = revising.planned(store, [session])
    store.put_session(session)
    store.note_clash_checks(sessions=[session.id])
    store.record_event(about(session, SessionScheduled))
    return session


def move(store: Store, command: Move, online_limit: int = 0) -> Session:
    """Move a SCHEDULED session; if the new room has more seats, waiting learners get them.

    A session of a series becomes an exception. Raises NotFound, Invalid, or FailedPrecondition with
    every clash or an end that is past.
    """
    check(move_violations(command))
    before = lookup.lock_session(store, command.session_id)
    expect(before, "moved", SessionState.SCHEDULED)
    room_id = command.room_id or before.room_id
    room = placing.room_of(store, room_id)
    after = moved(before, command, room)
    if after == before:
        return before
    limits = Limits(command.max_learner_clashes, online_limit)
    placing.lock_resources(store, [after], limits)
    wrong = placing.move_violations(store, [before], {"": after}, room_id, room, limits)
    check_state("the session can't be moved", wrong)
    [after] = revising.changed(store, [before], [after])
    store.note_clash_checks(sessions=[after.id])
    calendar = showing.of_session(store, after)
    store.record_event(placing.session_moved(before, after, command.reason, calendar=calendar))
    [after] = placing.without_offers(store, [before], [after])
    return promote(store, placing.dated(store, replace(after, exception=bool(after.series_id))))


def cancel(store: Store, command: Cancel) -> Session:
    """Cancel a SCHEDULED session; return a CANCELLED one as it is."""
    before = lookup.lock_session(store, command.session_id)
    if before.state is SessionState.CANCELLED:
        return before
    gone = withdraw_all(store, [cancelled(before, command.substitute_item_id)])
    [session] = revising.changed(store, [before], gone)
    store.put_session(session)
    help_outcomes.withdraw_taken(store, [session])
    store.note_clash_checks(sessions=[session.id])
    calendar = showing.of_session(store, session)
    store.record_event(session_cancelled(session, command.reason, calendar=calendar))
    rotation.even_out(store, session.series_id)
    return session


def session_cancelled(
    session: Session,
    reason: str = "",
    series_id: str = "",
    calendar: tuple[Entry, ...] = (),
) -> SessionCancelled:
    """Return the event that a session was cancelled. `series_id`: the series that was, too, which
    tells what calendars show; empty: `calendar` does.
    """
    return about(
        session,
        SessionCancelled,
        reason=reason,
        series_id=series_id,
        calendar=calendar,
    )
