"""Offering seats, answers to offers, and offers that expire."""

from chassis.errors import check_state
from services.sessions.domain import offers
from services.sessions.domain.enums import SeatKind
from services.sessions.domain.offers import AnswerOffer, OfferSeat, Outcome, Terms
from services.sessions.domain.roster import Policy
from services.sessions.domain.seats import Seat
from services.sessions.ports import Store
from services.sessions.usecases import holding, lookup
from services.sessions.usecases.seats import change_seat, choice_violations, fill

MOST = 200
"""Expired offers that one unit of work ends."""


def offer_seat(store: Store, command: OfferSeat, staff_id: str) -> Seat:
    """Offer a free seat in the room to a learner, out of turn.

    Raises NotFound, or FailedPrecondition with everything that is wrong.
    """
    session = lookup.lock_session(store, command.session_id)
    before = lookup.seat_of(store, session, command.learner_id)
    run = lookup.run_of(store, session)
    policy = run.policy if run else Policy()
    wrong = (
        *choice_violations(store, session, run, before.learner_id, SeatKind.IN_ROOM),
        *offers.offer_violations(session, before),
    )
    check_state("the seat can't be offered", wrong)
    expires_at = offers.expiry(session, policy, store.now)
    terms = Terms(expires_at, staff_id, command.reason)
    session, after = holding.hold(store, session, before, terms)
    store.put_session(session)
    return after


def answer_offer(store: Store, command: AnswerOffer) -> Seat:
    """Give a learner the offered seat, or offer it to the next.

    Raises NotFound; FailedPrecondition if there is no offer any more, or with everything that
    speaks against taking the seat.
    """
    session = lookup.lock_session(store, command.session_id)
    before = lookup.seat_of(store, session, command.learner_id)
    wrong = [*offers.answer_violations(before, store.now)]
    if command.take:
        run, learner_id = lookup.run_of(store, session), before.learner_id
        wrong += choice_violations(store, session, run, learner_id, before.offer_kind)
    check_state("the offer can't be answered", wrong)
    if command.take:
        return change_seat(store, session, before, before.offer_kind)
    after = offers.passed(session, before)
    fill(store, holding.let_go(store, session, before, after, Outcome.DECLINED))
    return after


def expire_offers(store: Store, session_id: str) -> bool:
    """End offers of a session that nobody answered in time, and offer the seats to the next; return
    whether there may be more.
    """
    session = lookup.lock_session(store, session_id)
    expired = store.expired_offers(session_id, MOST)
    for before in expired:
        after = offers.passed(session, before)
        session = holding.let_go(store, session, before, after, Outcome.EXPIRED)
    if expired:
        fill(store, session)
    return len(expired) == MOST
