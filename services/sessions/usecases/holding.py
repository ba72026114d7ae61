"""Holding a seat for a learner, and letting it go."""

from collections.abc import Sequence

from services.sessions.domain import offers, seats
from services.sessions.domain.events import about
from services.sessions.domain.offer_events import SeatOffered, SeatOfferEnded
from services.sessions.domain.offers import Outcome, Terms
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import help_outcomes


def hold(store: Store, session: Session, before: Seat, terms: Terms) -> tuple[Session, Seat]:
    """Hold a seat for a learner and tell it; return the session, not stored yet, and the learner's
    seat.
    """
    after = offers.held(before, terms)
    store.put_seat(after)
    note_place(store, session, before, after)
    store.count_offer("OFFERED")
    store.record_event(
        about(
            session,
            SeatOffered,
            learner_id=after.learner_id,
            offered_at=store.now,
            expires_at=terms.expires_at,
            kind=after.kind,
            holds=after.holds,
            offered_by=terms.offered_by,
            reason=terms.reason,
            offered_kind=terms.kind,
            invitation=terms.invitation,
        )
    )
    return seats.recounted(session, before, after), after


def let_go(store: Store, session: Session, before: Seat, after: Seat, outcome: Outcome) -> Session:
    """Store a learner's seat after an offer, and tell how it ended; return the session, not stored
    yet.
    """
    store.put_seat(after)
    note_place(store, session, before, after)
    tell_end(store, session, after, outcome)
    help_outcomes.follow(store, session, after, outcome)
    return seats.recounted(session, before, after)


def note_place(store: Store, session: Session, before: Seat, after: Seat) -> None:
    """Count an online seat without limit that was taken, held or given up; note that a learner has
    come to a help session, or not any more, which may clash.
    """
    if session.is_help and seats.has_place(before) is not seats.has_place(after):
        store.note_clash_checks(learners=[after.learner_id])
    if not session.online_seats:
        change = seats.online_change(before, after)
        store.count_online(session.id, after.learner_id, change)


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
