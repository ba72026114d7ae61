"""Take, change and give up seats."""

from chassis.refusals import FailedPrecondition, check
from services.sessions.domain import seats
from services.sessions.domain.events import SeatPromoted, SeatTaken, about
from services.sessions.domain.seats import ChooseSeat, Seat
from services.sessions.domain.session import Session
from services.sessions.domain.words import SeatKind, SessionState
from services.sessions.ports import Store
from services.sessions.usecases.found import policy_of, seat_of, session_for_update


def choose_seat(store: Store, command: ChooseSeat) -> Seat:
    """Give a learner the seat that is asked for, or a place in the room's waiting list.

    Raises NotFound, Invalid, or FailedPrecondition with all that speaks against it.
    """
    check(seats.request_faults(command.kind))
    session = session_for_update(store, command.session_id)
    enrolment = store.enrolment_for_update(session.run_id, command.learner_id)
    cutoff = policy_of(store, session).seat_cutoff
    faults = tuple(seats.choice_faults(session, enrolment, command.kind, cutoff, store.now))
    if faults:
        raise FailedPrecondition("the seat can't be chosen", faults)
    return _change(store, session, seat_of(store, session, command.learner_id), command.kind)


def take_free_seat(store: Store, session_id: str, learner_id: str) -> Seat:
    """Give a learner at the door a seat in the room. Raises NotFound."""
    session = session_for_update(store, session_id)
    return _change(store, session, seat_of(store, session, learner_id), SeatKind.IN_ROOM)


def free_seats(store: Store, run_id: str, learner_id: str) -> None:
    """Give up a learner's seats in all sessions of a run that are still to come."""
    for seat in store.seats_in_run(run_id, learner_id):
        session = session_for_update(store, seat.session_id)
        if session.state is SessionState.SCHEDULED:
            _change(store, session, seat, None)


def promote(store: Store, session: Session) -> Session:
    """Give the room's free seats to those who wait, first come first served; keeps the session."""
    for waiting in store.first_waiting(session.id, seats.to_promote(session)):
        seat = seats.promoted(waiting)
        session = seats.recounted(session, waiting, seat)
        store.put_seat(seat)
        store.publish(
            about(
                session,
                SeatPromoted,
                learner_id=seat.learner_id,
                kind=seat.kind,
                promoted_at=store.now,
                from_kind=waiting.holds or waiting.kind,
            )
        )
    store.put_session(session)
    return session


def _change(store: Store, session: Session, before: Seat, kind: SeatKind | None) -> Seat:
    after = seats.granted(session, before, kind, store.now)
    if after == before:
        return before
    store.put_seat(after)
    store.publish(
        about(
            session,
            SeatTaken,
            learner_id=after.learner_id,
            kind=after.kind,
            from_kind=before.kind,
            taken_at=store.now,
        )
    )
    promote(store, seats.recounted(session, before, after))
    return after
