"""Swaps: two learners exchange their seats, without knowing each other.

A learner gives the seat in one session and wants one in the same or another; whoever asked for the
opposite first matches. So no seat comes free, and nobody on a waiting list is passed over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import FieldViolation
from services.sessions.domain.audiences import are_alternatives
from services.sessions.domain.enums import SeatKind
from services.sessions.domain.roster import Enrolment, Policy, Run, over_violations
from services.sessions.domain.seats import Seat, choice_violations, has_free, is_offered, waits
from services.sessions.domain.session import Session


class SwapState(StrEnum):
    """The state of a request for a swap."""

    OPEN = "OPEN"
    MATCHED = "MATCHED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"


@dataclass(frozen=True, slots=True)
class RequestSwap:
    """Ask to swap a learner's seat for one in a session (empty: the same session)."""

    session_id: str
    learner_id: str
    wanted_session_id: str
    wanted_kind: SeatKind


@dataclass(frozen=True, slots=True)
class WithdrawSwap:
    """Withdraw a learner's request."""

    session_id: str
    learner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A learner's request to give the seat in a session for another one. Of a learner and a session
    there is one, the newest.
    """

    session_id: str
    learner_id: str
    run_id: str
    group_ids: tuple[str, ...]
    """The groups of the session in which the seat is given."""
    kind: SeatKind
    wanted_session_id: str
    wanted_kind: SeatKind
    state: SwapState = SwapState.OPEN
    requested_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    turn: int
    """That of the seat: another one belongs to another seat."""
    start_time: datetime
    wanted_start_time: datetime

    @property
    def places(self) -> Mapping[str, SeatKind | None]:
        """Return what the learner has in each of the sessions after the swap."""
        return {self.session_id: None, self.wanted_session_id: self.wanted_kind}


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether a learner can swap a seat in a session, `given`, for one in another."""

    given: Session
    wanted: Session
    seat: Seat
    """The learner's seat in `given`."""
    wanted_seat: Seat
    """The learner's seat in `wanted`."""
    enrolment: Enrolment | None
    run: Run | None

    @property
    def is_within_one(self) -> bool:
        """Return whether the seat is given and wanted in the same session."""
        return self.given.id == self.wanted.id

    @property
    def cutoff(self) -> timedelta:
        """Return how long before a session its seats stay as they are."""
        return (self.run.policy if self.run else Policy()).seat_cutoff


def named(command: RequestSwap) -> RequestSwap:
    """Return a request that names the session in which the seat is wanted."""
    return replace(command, wanted_session_id=command.wanted_session_id or command.session_id)


def sessions_of(wish: RequestSwap | Swap) -> set[str]:
    """Return the one or two sessions of a wish."""
    return {wish.session_id, wish.wanted_session_id}


def request_violations(wanted_kind: SeatKind) -> list[FieldViolation]:
    """Return a violation if a learner asks for a place on the waiting list."""
    if wanted_kind is SeatKind.WAITLISTED:
        return [FieldViolation("wanted_kind", "WAITLISTED can't be swapped", "IN_ROOM or ONLINE")]
    return []


def swap_violations(facts: Facts, wanted_kind: SeatKind, now: datetime) -> Iterator[FieldViolation]:
    """Yield everything that speaks against a swap now, whoever the other learner is."""
    yield from over_violations(facts.run, now)
    yield from _choice_violations(facts, wanted_kind, now)
    yield from _given_violations(facts.seat)
    yield from _wanted_violations(facts, wanted_kind)


def free_violations(facts: Facts, wish: RequestSwap) -> Iterator[FieldViolation]:
    """Yield a violation if nobody has to give the wanted seat."""
    if has_free(facts.wanted, wish.wanted_kind):
        wrong = f"a seat {wish.wanted_kind} is free"
        yield FieldViolation("wanted_kind", wrong, "ChooseSeat, which gives it at once")


def open_violations(before: Swap | None, wish: RequestSwap) -> Iterator[FieldViolation]:
    """Yield a violation if the learner's open request, `before`, has another wish."""
    wanted = (wish.wanted_session_id, wish.wanted_kind)
    if before and (before.wanted_session_id, before.wanted_kind) != wanted:
        wrong = f"asks for {before.wanted_kind} in session {before.wanted_session_id} already"
        yield FieldViolation("learner_id", wrong, "WithdrawSwap first")


def requested(facts: Facts, wanted_kind: SeatKind, now: datetime) -> Swap:
    """Return the request of a learner whom nothing speaks against."""
    place = place_of(facts.seat)
    if place is None:
        raise ValueError(f"{facts.seat.learner_id} has no seat to give")
    return Swap(
        session_id=facts.given.id,
        learner_id=facts.seat.learner_id,
        run_id=facts.given.run_id,
        group_ids=facts.given.group_ids,
        kind=place,
        wanted_session_id=facts.wanted.id,
        wanted_kind=wanted_kind,
        requested_at=now,
        expires_at=min(facts.given.start_time, facts.wanted.start_time) - facts.cutoff,
        turn=facts.seat.turn,
        start_time=facts.given.start_time,
        wanted_start_time=facts.wanted.start_time,
    )


def stands(swap: Swap, facts: Facts, now: datetime) -> bool:
    """Return whether a request can be matched: it is open, the learner still has that seat, both
    sessions are at their times, and nothing speaks against the swap.
    """
    return (
        swap.state is SwapState.OPEN
        and (swap.turn, swap.kind) == (facts.seat.turn, place_of(facts.seat))
        and swap.start_time == facts.given.start_time
        and swap.wanted_start_time == facts.wanted.start_time
        and not any(swap_violations(facts, swap.wanted_kind, now))
    )


def seen(swap: Swap, facts: Facts, now: datetime) -> Swap:
    """Return a request as it is now, perhaps LAPSED."""
    is_over = swap.state is SwapState.OPEN and not stands(swap, facts, now)
    return replace(swap, state=SwapState.LAPSED) if is_over else swap


def ended(swap: Swap, state: SwapState, now: datetime) -> Swap:
    """Return a request that was matched or withdrawn."""
    return replace(swap, state=state, ended_at=now)


def withdrawal_violations(swap: Swap) -> Iterator[FieldViolation]:
    """Yield a violation if it is too late to withdraw a request."""
    if swap.state is SwapState.MATCHED:
        yield FieldViolation("session_id", "the swap has been made", "a request that is open")


def place_of(seat: Seat) -> SeatKind | None:
    """Return the seat that a learner has, or keeps while waiting; None if there is none."""
    return seat.holds if waits(seat) else seat.kind


def _choice_violations(
    facts: Facts, wanted_kind: SeatKind, now: datetime
) -> Iterable[FieldViolation]:
    """Return what ChooseSeat would refuse: to give the one seat up, and to take the other."""
    wanted = choice_violations(facts.wanted, facts.enrolment, wanted_kind, facts.cutoff, now)
    if facts.is_within_one:
        return _of_wanted({"kind"}, wanted)
    given = choice_violations(facts.given, facts.enrolment, None, facts.cutoff, now)
    return dict.fromkeys([*given, *_of_wanted({"kind", "session_id"}, wanted)])


def _of_wanted(fields: set[str], violations: Iterable[FieldViolation]) -> Iterator[FieldViolation]:
    """Yield violations whose fields, if they are some of these, are called those of the wish."""
    for each in violations:
        yield replace(each, field=f"wanted_{each.field}") if each.field in fields else each


def _given_violations(seat: Seat) -> Iterator[FieldViolation]:
    if is_offered(seat):
        wrong = "is offered a seat in the session"
        yield FieldViolation("learner_id", wrong, "an answer to the offer first")
    elif place_of(seat) is None:
        wrong = "has no seat in the session"
        yield FieldViolation("learner_id", wrong, "a learner who has one in the room or online")


def _wanted_violations(facts: Facts, wanted_kind: SeatKind) -> Iterator[FieldViolation]:
    if facts.is_within_one:
        if place_of(facts.seat) is wanted_kind:
            wrong = f"the learner has a seat {wanted_kind}"
            yield FieldViolation("wanted_kind", wrong, "the other kind, or another session")
        return
    if not are_alternatives(facts.given, facts.wanted):
        right = "a session that holds the same activity"
        yield FieldViolation("wanted_session_id", "the session holds another activity", right)
    if place_of(facts.wanted_seat) or is_offered(facts.wanted_seat):
        wrong = "the learner has a seat there, or is offered one"
        yield FieldViolation("wanted_session_id", wrong, "a session without one")
