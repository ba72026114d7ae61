"""Taking, changing and giving up seats."""

from collections.abc import Collection, Mapping

from chassis.errors import FieldViolation, check, check_state
from chassis.runs import is_for
from services.sessions.domain import offers, seats
from services.sessions.domain.enums import SeatKind, SessionState
from services.sessions.domain.events import SeatPromoted, SeatTaken, about
from services.sessions.domain.offers import Outcome
from services.sessions.domain.roster import Enrolment, Policy, Run, over_violations
from services.sessions.domain.seats import ChooseSeat, Seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import help_outcomes, holding, lookup, showing


def choose_seat(store: Store, command: ChooseSeat) -> Seat:
    """Give a learner the chosen seat, or a place on the room's waiting list.

    Raises NotFound, Invalid, or FailedPrecondition with everything that is wrong.
    """
    kind = command.kind
    check(seats.request_violations(kind))
    session, before = _found(store, command.session_id, command.learner_id, kind)
    run = lookup.run_of(store, session)
    wrong = choice_violations(store, session, run, command.learner_id, kind)
    check_state("the seat can't be chosen", wrong)
    return change_seat(store, session, before, kind, command.ask_first)


def choice_violations(
    store: Store, session: Session, run: Run | None, learner_id: str, kind: SeatKind | None
) -> list[FieldViolation]:
    """Return everything that is wrong with a learner's choice now. The enrolment is locked."""
    enrolment = store.enrolment_for_update(session.run_id, learner_id)
    cutoff = (run.policy if run else Policy()).seat_cutoff
    of_session = seats.choice_violations(session, enrolment, kind, cutoff, store.now)
    # A seat may be given up whenever it may be changed.
    of_run = over_violations(run, store.now) if kind else ()
    return [*of_run, *of_session]


def take_free_seat(store: Store, session_id: str, learner_id: str) -> Seat:
    """Give a learner at the door a seat in the room. Raises NotFound."""
    session, before = _found(store, session_id, learner_id, SeatKind.IN_ROOM)
    return change_seat(store, session, before, SeatKind.IN_ROOM)


def free_seats(
    store: Store,
    left: Collection[tuple[str, str]],
    moved: Mapping[tuple[str, str], Enrolment],
) -> None:
    """Give up seats in coming sessions: all of learners who left, and of learners who changed
    groups those in sessions that are not for them; each by run and learner.
    """
    found = store.seats_to_come({*left, *moved})
    for seat in sorted(found, key=seats.freeing_order):
        session = lookup.session(store, seat.session_id)
        enrolment = moved.get((seat.run_id, seat.learner_id))
        if enrolment is None or not is_for(session.group_ids, enrolment.group_ids):
            session, before = _found(store, seat.session_id, seat.learner_id, None)
            change_seat(store, session, before, None, chosen=False)


def change_seat(
    store: Store,
    session: Session,
    before: Seat,
    kind: SeatKind | None,
    ask_first: bool = False,
    chosen: bool = True,
) -> Seat:
    """Change a learner's seat and tell it; a seat that comes free goes to who waits.

    The session is locked if the seat is limited. `chosen`: whether the learner wants it so, or has
    lost the right to the seat.
    """
    after = seats.granted(session, before, kind, store.now, ask_first)
    if chosen:
        after = seats.remembered(session, after)
    if after == before:
        return before
    changed = put_change(store, session, before, after, chosen)
    if not seats.is_without_limit(session, before, kind):
        fill(store, changed)
    return after


def put_change(
    store: Store, session: Session, before: Seat, after: Seat, chosen: bool = False
) -> Session:
    """Store a learner's changed seat and tell it; return the session, not stored yet."""
    store.put_seat(after)
    holding.note_place(store, session, before, after)
    _tell(store, session, before, after)
    otherwise = Outcome.DECLINED if chosen else Outcome.WITHDRAWN
    if seats.is_offered(before) and not seats.is_offered(after):
        outcome = offers.outcome_of(before, after, store.now, otherwise)
        holding.tell_end(store, session, after, outcome)
    help_outcomes.follow(store, session, after, otherwise)
    return seats.recounted(session, before, after)


def promote(store: Store, session: Session) -> Session:
    """Give the seats of a session that has another room or time to who waits; store the session."""
    return fill(store, seats.with_other_seats(session))


def promote_waiting(store: Store, session: Session) -> None:
    """Promote waiting learners as `promote` does, in a session that is stored already."""
    if seats.to_promote(session):
        promote(store, session)


def fill(store: Store, session: Session) -> Session:
    """Give or offer the room's free seats to waiting learners, first come first served, unless the
    class has begun or the run is over; store the session.
    """
    free = seats.to_promote(session)
    run = lookup.run_of(store, session) if free else None
    policy = run.policy if run else Policy()
    is_over = run is not None and run.is_over(store.now)
    if free and session.state is SessionState.SCHEDULED and not is_over:
        can_answer = offers.can_answer(session, policy, store.now)
        for waiting in store.first_waiting(session, free, can_answer):
            session = _give(store, session, waiting, policy)
    store.put_session(session)
    help_outcomes.note_places(store, [session])
    return session


def _give(store: Store, session: Session, waiting: Seat, policy: Policy) -> Session:
    """Offer a free seat to a waiting learner, or promote them; return the session, not stored
    yet.
    """
    if offers.is_asked(session, waiting, policy, store.now):
        expires_at = offers.expiry(session, policy, store.now)
        session, _ = holding.hold(store, session, waiting, offers.Terms(expires_at))
        return session
    seat = seats.promoted(waiting)
    store.put_seat(seat)
    holding.note_place(store, session, waiting, seat)
    store.record_event(
        about(
            session,
            SeatPromoted,
            learner_id=seat.learner_id,
            kind=seat.kind,
            promoted_at=store.now,
            from_kind=waiting.holds or waiting.kind,
            calendar=showing.of_session(store, session),
        )
    )
    return seats.recounted(session, waiting, seat)


def _found(
    store: Store, session_id: str, learner_id: str, kind: SeatKind | None
) -> tuple[Session, Seat]:
    """Return a session and a learner's seat; lock the session if the seat is limited."""
    session = lookup.session(store, session_id)
    before = lookup.seat_of(store, session, learner_id)
    if not seats.is_without_limit(session, before, kind):
        session = lookup.lock_session(store, session_id)
    return session, before


def _tell(store: Store, session: Session, before: Seat, after: Seat) -> None:
    """Record that a learner's seat changed; not if only the wish to be asked did, or an offer
    ended.
    """
    if (before.kind, before.holds) == (after.kind, after.holds):
        return
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
