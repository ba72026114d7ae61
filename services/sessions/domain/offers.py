"""Offers: a seat that is held for a learner, who takes or declines it in time.

Far from the class a freed seat is given at once. Nearer than the run's `seat_offer_notice`, and
always to who asked for it, it is offered, in the order of the waiting list. After the cut-off
nobody can answer any more, so nobody is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import FieldViolation
from services.sessions.domain.enums import SeatKind
from services.sessions.domain.roster import Policy
from services.sessions.domain.seats import Seat, has_free_seat, is_offered, stands, waits
from services.sessions.domain.session import Session, instant_text


class Outcome(StrEnum):
    """How an offer ended."""

    TAKEN = "TAKEN"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class OfferSeat:
    """Offer a free seat in the room to a learner, out of turn."""

    session_id: str
    learner_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Take an offered seat, or decline it."""

    session_id: str
    learner_id: str
    take: bool


def can_answer(session: Session, policy: Policy, now: datetime) -> bool:
    """Return whether an offer that is made now could be answered: the cut-off is to come."""
    return now < session.start_time - policy.seat_cutoff


def is_asked(session: Session, waiting: Seat, policy: Policy, now: datetime) -> bool:
    """Return whether a waiting learner is offered a freed seat now, and not given it at once."""
    is_near = session.start_time - now < policy.offer_notice
    return can_answer(session, policy, now) and (is_near or waiting.ask_first)


def expiry(session: Session, policy: Policy, now: datetime) -> datetime:
    """Return until when an offer stands: never later than the cut-off."""
    return min(now + policy.offer_within, session.start_time - policy.seat_cutoff)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is offered: a seat until an instant."""

    expires_at: datetime
    offered_by: str = ""
    """Who offers it out of turn; empty: the waiting list, or an invitation to a help session."""
    reason: str = ""
    kind: SeatKind = SeatKind.IN_ROOM
    invitation: bool = False
    """Whether it is an invitation to a help session."""


def held(seat: Seat, terms: Terms) -> Seat:
    """Return the seat of a learner for whom a seat is held."""
    return replace(
        seat,
        offer_expires_at=terms.expires_at,
        offer_kind=terms.kind,
        offered_by=terms.offered_by,
        offer_reason=terms.reason,
    )


def released(seat: Seat) -> Seat:
    """Return the seat of a learner whose offer was withdrawn: all is as before the offer."""
    return replace(
        seat,
        offer_expires_at=None,
        offer_kind=SeatKind.IN_ROOM,
        offered_by="",
        offer_reason="",
    )


def passed(session: Session, seat: Seat) -> Seat:
    """Return the seat of a learner who declined an offer, or let it expire.

    What they have stays. On the waiting list they go to the end, unless the offer was out of
    turn: then it takes nothing from their place.
    """
    if not waits(seat):
        return released(seat)
    turn = session.turns + 1
    return replace(released(seat), passed=turn, turn=seat.turn if seat.offered_by else turn)


def outcome_of(before: Seat, after: Seat, now: datetime, otherwise: Outcome) -> Outcome:
    """Return how an offer ended by a change of the seat; `otherwise`: if it was neither taken nor
    over.
    """
    if after.kind is before.offer_kind:
        return Outcome.TAKEN
    return otherwise if stands(before, now) else Outcome.EXPIRED


def offer_violations(session: Session, seat: Seat) -> Iterator[FieldViolation]:
    """Yield what speaks against an offer, beside what speaks against the learner's own choice."""
    if seat.kind is SeatKind.IN_ROOM:
        yield FieldViolation("learner_id", "has a seat in the room", "a learner without one")
    elif is_offered(seat):
        yield FieldViolation("learner_id", "is offered a seat already", "a learner who is not")
    if not has_free_seat(session):
        wrong = f"all {session.room_seats} seats in the room are taken or offered"
        yield FieldViolation("session_id", wrong, "a session with a free seat in the room")


def answer_violations(seat: Seat, now: datetime) -> Iterator[FieldViolation]:
    """Yield a violation if there is no offer that can be answered now."""
    if seat.offer_expires_at is None:
        yield FieldViolation("learner_id", "has no offer of a seat", "a learner who has one")
    elif not stands(seat, now):
        wrong = f"the offer expired at {instant_text(seat.offer_expires_at)}"
        yield FieldViolation("learner_id", wrong, "an answer before that")
