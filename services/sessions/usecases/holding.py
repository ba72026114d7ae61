"""Holding a seat in the room for a learner, and letting it go."""

from collections.abc import Sequence
from datetime import datetime

from services.sessions.domain import offers, seats
from services.sessions.domain.events import about
from services.sessions.domain.offer_events import SeatOffered, SeatOfferEnded
from services.sessions.domain.offers import Outcome
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store


def hold(
    store: Store,
    session: Session,
    before: Seat,
    expires_at: datetime,
    offered_by: str = "",
    reason: str = "",
) -> tuple[Session, Seat]:
    """Hold a seat for a learner and tell it; return the session, not stored yet, and the learner's
    seat.
    """
    after = offers.held(before, expires_at, offered_by, reason)
    store.put_seat(after)
    store.count_offer("OFFERED")
    store.record_event(
        about(
            session,
            SeatOffered,
            learner_id=after.learner_id,
            offered_at=store.now,
            expires_at=expires_at,
            kind=after.kind,
            holds=after.holds,
            offered_by=offered_by,
            reason=reason,
        )
    )
    return seats.recounted(session, before, after), after


def let_go(store: Store, session: Session, before: Seat, after: Seat, outcome: Outcome) -> Session:
    """Store a learner's seat after an offer, and tell how it ended; return the session, not stored
    yet.
    """
    store.put_seat(after)
    tell_end(store, session, after, outcome)
    return seats.recounted(session, before, after)


def tell_end(store: Store, session: Session, seat: Seat, outcome: Outcome) -> None:
    """Record how an offer ended."""
    store.count_offer(outcome)
    ended = about(
        session, SeatOfferEnded, learner_id=seat.learner_id, outcome=outcome, ended_at=store.now
    )
    store.record_event(ended)


def withdraw_all(store: Store, sessions: Sequence[Session]) -> list[Session]:
    """Withdraw all offers of seats in some sessions; return the sessions, not stored yet. Learners
    keep their places on the waiting lists.
    """
    after = {each.id: each for each in sessions}
    for seat in store.offered_seats(after.keys()):
        session = after[seat.session_id]
        after[session.id] = let_go(store, session, seat, offers.released(seat), Outcome.WITHDRAWN)
    return [*after.values()]
