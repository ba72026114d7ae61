"""Asking for swaps of seats, withdrawing that, and making them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.sessions.domain import seats, swaps
from services.sessions.domain.events import SeatSwapped, about
from services.sessions.domain.roster import Enrolment, Run
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.domain.swaps import Facts, RequestSwap, Swap, SwapState, WithdrawSwap
from services.sessions.ports import Store
from services.sessions.usecases import lookup, showing
from services.sessions.usecases.seats import put_change

MOST = 100
"""Opposite requests that are looked at together."""
Sessions = Mapping[str, Session]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the sessions and learners of some wishes."""

    sessions: Sessions
    seats: Mapping[tuple[str, str], Seat]
    enrolments: Mapping[tuple[str, str], Enrolment]
    runs: Mapping[str, Run]

    def facts(self, wish: RequestSwap | Swap) -> Facts:
        """Return what decides on a wish."""
        given, wanted = self.sessions[wish.session_id], self.sessions[wish.wanted_session_id]
        return Facts(
            given,
            wanted,
            self._seat(given, wish.learner_id),
            self._seat(wanted, wish.learner_id),
            self.enrolments.get((given.run_id, wish.learner_id)),
            self.runs.get(given.run_id),
        )

    def _seat(self, session: Session, learner_id: str) -> Seat:
        return self.seats.get((session.id, learner_id)) or seats.no_seat(session, learner_id)


def request_swap(store: Store, command: RequestSwap) -> Swap:
    """Swap a learner's seat with the first who asked for the opposite, or keep the request open.

    Raises NotFound, Invalid, or FailedPrecondition with everything that is wrong.
    """
    check(swaps.request_violations(command.wanted_kind))
    wish = swaps.named(command)
    sessions = _lock_sessions(store, wish)
    [facts] = _facts_of(store, sessions, [wish])
    before = _open_request(store, wish)
    wrong = [*swaps.swap_violations(facts, wish.wanted_kind, store.now)]
    wrong += swaps.open_violations(before, wish)
    check_state("the swap can't be requested", wrong or swaps.free_violations(facts, wish))
    if before:
        return before
    swap = swaps.requested(facts, wish.wanted_kind, store.now)
    partner = _partner(store, swap)
    return _match(store, sessions, swap, partner) if partner else _put(store, swap)


def withdraw_swap(store: Store, command: WithdrawSwap) -> Swap:
    """Withdraw a learner's request; one that is over already stays as it is.

    Raises NotFound, or FailedPrecondition if the swap has been made.
    """
    swap = store.swap(command.session_id, command.learner_id)
    if swap is None:
        wrong = f"has asked for no swap in session {command.session_id!r}"
        raise NotFound("no such request", [FieldViolation("learner_id", wrong)])
    check_state("the request can't be withdrawn", swaps.withdrawal_violations(swap))
    [seen] = as_seen(store, [swap])
    is_over = seen.state is not SwapState.OPEN
    return seen if is_over else _put(store, swaps.ended(swap, SwapState.WITHDRAWN, store.now))


def as_seen(store: Store, found: Sequence[Swap]) -> list[Swap]:
    """Return requests as they are now: of some that are stored as open it is only found now that
    they have lapsed.
    """
    ids = {each for swap in found for each in swaps.sessions_of(swap)}
    facts = _facts_of(store, store.sessions_with(ids), found)
    return [swaps.seen(swap, each, store.now) for swap, each in zip(found, facts, strict=True)]


def _lock_sessions(store: Store, wish: RequestSwap) -> Sessions:
    """Return the one or two sessions of a wish, locked. Raises NotFound."""
    given = lookup.session(store, wish.session_id)
    wanted = store.session_by_id(wish.wanted_session_id)
    if wanted is None or wanted.run_id != given.run_id:
        wrong = f"{wish.wanted_session_id!r} is unknown in run {given.run_id!r}"
        raise NotFound("no such session", [FieldViolation("wanted_session_id", wrong)])
    ids = sorted({given.id, wanted.id})
    for each in ids:
        store.contends_for("session", each)
    return {each.id: each for each in store.sessions_for_update(ids)}


def _open_request(store: Store, wish: RequestSwap) -> Swap | None:
    """Return the request that the learner has open in the session; None if there is none."""
    before = store.swap(wish.session_id, wish.learner_id)
    found = as_seen(store, [before] if before else [])
    return next((each for each in found if each.state is SwapState.OPEN), None)


def _facts_of(
    store: Store, sessions: Sessions, wishes: Sequence[RequestSwap] | Sequence[Swap]
) -> list[Facts]:
    """Return what decides on each of some wishes, whose sessions are given."""
    places = {(id_, each.learner_id) for each in wishes for id_ in swaps.sessions_of(each)}
    enrolments = {(sessions[id_].run_id, learner_id) for id_, learner_id in places}
    known = _Known(
        sessions,
        store.seats_with(places),
        store.enrolments(enrolments),
        store.replicas(Run, {run_id for run_id, _ in enrolments}),
    )
    return [known.facts(each) for each in wishes]


def _partner(store: Store, swap: Swap) -> Swap | None:
    """Return the first open request for the opposite; None if there is none. Requests before it
    that have lapsed are stored so, and not looked at again.
    """
    while found := as_seen(store, store.opposite_swaps(swap, MOST)):
        lapsed = [*takewhile(lambda each: each.state is not SwapState.OPEN, found)]
        if lapsed:
            store.lapse_swaps(lapsed)
        if len(lapsed) < len(found):
            return found[len(lapsed)]
    return None


def _match(store: Store, sessions: Sessions, swap: Swap, partner: Swap) -> Swap:
    """Give two learners each other's seat, and store the sessions; return the first request."""
    for each in (swap, partner):
        store.enrolment_for_update(each.run_id, each.learner_id)
        sessions = _exchange(store, sessions, each)
    store.put_sessions(sessions.values())
    _put(store, swaps.ended(partner, SwapState.MATCHED, store.now))
    return _put(store, swaps.ended(swap, SwapState.MATCHED, store.now))


def _exchange(store: Store, sessions: Sessions, swap: Swap) -> Sessions:
    """Give a learner the wanted seat in place of the one that they had, and tell it; return the
    sessions, not stored yet.
    """
    after = dict(sessions)
    for session_id, kind in swap.places.items():
        session = after[session_id]
        before = lookup.seat_of(store, session, swap.learner_id)
        seat = seats.exchanged(session, before, kind, store.now)
        changed = put_change(store, session, before, seat)
        # Nothing came free, so who has passed a seat up isn't asked again.
        after[session_id] = replace(changed, freed=session.freed)
    _tell(store, sessions, swap)
    return after


def _tell(store: Store, sessions: Sessions, swap: Swap) -> None:
    given = sessions[swap.session_id]
    store.record_event(
        about(
            sessions[swap.wanted_session_id],
            SeatSwapped,
            learner_id=swap.learner_id,
            kind=swap.wanted_kind,
            from_session_id=given.id,
            from_kind=swap.kind,
            from_title=given.title,
            from_start_time=given.start_time,
            swapped_at=store.now,
            calendar=showing.of_session(store, sessions[swap.wanted_session_id]),
        )
    )


def _put(store: Store, swap: Swap) -> Swap:
    store.put_swap(swap)
    return swap
