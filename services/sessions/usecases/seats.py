"""Taking, changing and giving up seats."""

from collections.abc import Collection, Mapping

from chassis.errors import check, check_state
from chassis.runs import is_for
from services.sessions.domain import seats
from services.sessions.domain.enums import SeatKind
from services.sessions.domain.events import SeatPromoted, SeatTaken, about
from services.sessions.domain.roster import Enrolment, Policy, over_violations
from services.sessions.domain.seats import ChooseSeat, Seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup


def choose_seat(store: Store, command: ChooseSeat) -> Seat:
    """Give a learner the chosen seat, or a place on the room's waiting list.

    Raises NotFound, Invalid, or FailedPrecondition with everything that is wrong.
    """
    check(seats.request_violations(command.kind))
    session, before = _found(store, command.session_id, command.learner_id, command.kind)
    enrolment = store.enrolment_for_update(session.run_id, command.learner_id)
    run = lookup.run_of(store, session)
    cutoff = (run.policy if run else Policy()).seat_cutoff
    of_session = seats.choice_violations(session, enrolment, command.kind, cutoff, store.now)
    # A seat may be given up whenever it may be changed.
    of_run = over_violations(run, store.now) if command.kind else ()
    check_state("the seat can't be chosen", (*of_run, *of_session))
    return _change(store, session, before, command.kind)


def take_free_seat(store: Store, session_id: str, learner_id: str) -> Seat:
    """Give a learner at the door a seat in the room. Raises NotFound."""
    session, before = _found(store, session_id, learner_id, SeatKind.IN_ROOM)
    return _change(store, session, before, SeatKind.IN_ROOM)


def free_seats(
    store: Store,
    left: Collection[tuple[str, str]],
    moved: Mapping[tuple[str, str], Enrolment],
) -> None:
    """Give up seats in coming sessions: all of learners who left, and of learners who changed
    groups those in sessions that are not for them; each by run and learner.
    """
    # Waiting learners first, or a freed seat could go to one of them who has also withdrawn.
    found = store.seats_to_come({*left, *moved})
    for seat in sorted(found, key=lambda seat: not seats.waits(seat)):
        session = lookup.session(store, seat.session_id)
        enrolment = moved.get((seat.run_id, seat.learner_id))
        if enrolment is None or not is_for(session.group_ids, enrolment.group_ids):
            session, before = _found(store, seat.session_id, seat.learner_id, None)
            _change(store, session, before, None)


def promote(store: Store, session: Session) -> Session:
    """Give the room's free seats to waiting learners, first come first served, unless the run is
    over; store the session.
    """
    run = lookup.run_of(store, session) if seats.to_promote(session) else None
    if run is not None and run.is_over(store.now):
        store.put_session(session)
        return session
    for waiting in store.first_waiting(session.id, seats.to_promote(session)):
        seat = seats.promoted(waiting)
        session = seats.recounted(session, waiting, seat)
        store.put_seat(seat)
        _count_online(store, session, waiting, seat)
        store.record_event(
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


def _found(
    store: Store, session_id: str, learner_id: str, kind: SeatKind | None
) -> tuple[Session, Seat]:
    """Return a session and a learner's seat; lock the session if the seat is limited."""
    session = lookup.session(store, session_id)
    before = lookup.seat_of(store, session, learner_id)
    if not seats.is_without_limit(session, before, kind):
        session = lookup.lock_session(store, session_id)
    return session, before


def _change(store: Store, session: Session, before: Seat, kind: SeatKind | None) -> Seat:
    after = seats.granted(session, before, kind, store.now)
    if after == before:
        return before
    store.put_seat(after)
    _count_online(store, session, before, after)
    store.record_event(
        about(
            session,
            SeatTaken,
            learner_id=after.learner_id,
            kind=after.kind,
            from_kind=before.kind,
            taken_at=store.now,
        )
    )
    if not seats.is_without_limit(session, before, kind):
        promote(store, seats.recounted(session, before, after))
    return after


def _count_online(store: Store, session: Session, before: Seat, after: Seat) -> None:
    if not session.online_seats:
        change = seats.online_change(before, after)
        store.count_online(session.id, after.learner_id, change)
