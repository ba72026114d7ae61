"""Swaps of seats: what speaks against one, when a request stands, and what a swap leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.enums import EnrolmentState, SeatKind, SessionKind, SessionState
from services.sessions.domain.roster import Policy, Run
from services.sessions.domain.seats import Seat, exchanged, no_seat, recounted
from services.sessions.domain.swaps import (
    Facts,
    RequestSwap,
    Swap,
    SwapState,
    ended,
    free_violations,
    named,
    open_violations,
    place_of,
    request_violations,
    requested,
    seen,
    stands,
    swap_violations,
    withdrawal_violations,
)
from tests.unit.sessions.examples import ENROLLED, HOUR, NINE, session

IN_ROOM, ONLINE, WAITLISTED = SeatKind.IN_ROOM, SeatKind.ONLINE, SeatKind.WAITLISTED
NOW = NINE - 24 * HOUR
GIVEN = session(online_seats=1, online=1, in_room=30, turns=7)
WANTED = replace(GIVEN, id="s2", start_time=NINE + 4 * HOUR)
SEAT = replace(no_seat(GIVEN, "ada"), kind=ONLINE, turn=3)
RUN = Run("run", (), Policy(seat_cutoff=HOUR), 1)
WITHIN = Facts(GIVEN, GIVEN, SEAT, SEAT, ENROLLED, RUN)
BETWEEN = replace(WITHIN, wanted=WANTED, wanted_seat=no_seat(WANTED, "ada"))
SWAP = requested(BETWEEN, IN_ROOM, NOW)


def faults(facts: Facts, kind: SeatKind = IN_ROOM) -> list[tuple[str, str]]:
    """The field and the fault of each violation."""
    return [(each.field, each.wrong) for each in swap_violations(facts, kind, NOW)]


@pytest.mark.parametrize(
    ("facts", "kind", "field", "wrong"),
    [
        (replace(WITHIN, seat=no_seat(GIVEN, "ada")), IN_ROOM, "learner_id", "has no seat"),
        (replace(WITHIN, seat=replace(SEAT, kind=WAITLISTED)), IN_ROOM, "learner_id", "no seat"),
        (
            replace(WITHIN, seat=replace(SEAT, offer_expires_at=NINE)),
            IN_ROOM,
            "learner_id",
            "is offered a seat",
        ),
        (WITHIN, ONLINE, "wanted_kind", "has a seat ONLINE"),
        (
            replace(WITHIN, wanted=replace(GIVEN, kind=SessionKind.ONLINE)),
            IN_ROOM,
            "wanted_kind",
            "has no seats IN_ROOM",
        ),
        (
            replace(BETWEEN, wanted=replace(WANTED, activity_id="lab")),
            IN_ROOM,
            "wanted_session_id",
            "another activity",
        ),
        (
            replace(BETWEEN, wanted_seat=replace(SEAT, session_id="s2")),
            IN_ROOM,
            "wanted_session_id",
            "has a seat there",
        ),
        (
            replace(BETWEEN, wanted=replace(WANTED, group_ids=("g",))),
            ONLINE,
            "learner_id",
            "none of the session's groups",
        ),
        (
            replace(BETWEEN, wanted=replace(WANTED, state=SessionState.LIVE)),
            ONLINE,
            "wanted_session_id",
            "is LIVE",
        ),
        (
            replace(BETWEEN, given=replace(GIVEN, start_time=NOW + HOUR / 2)),
            ONLINE,
            "session_id",
            "chosen until",
        ),
        (replace(BETWEEN, run=replace(RUN, closed_at=NOW)), ONLINE, "session_id", "is over"),
    ],
)
def test_what_speaks_against_a_swap(facts: Facts, kind: SeatKind, field: str, wrong: str) -> None:
    """Each fault is told, of the field that it concerns, and alone."""
    [(found, text)] = faults(facts, kind)
    assert (found, wrong in text) == (field, True)


def test_nothing_speaks_against_these() -> None:
    """Another kind in the same session, any kind in another; also of a learner who waits for the
    room there, or here with a seat online.
    """
    waiting = replace(SEAT, kind=WAITLISTED, holds=ONLINE)
    assert faults(WITHIN) == faults(BETWEEN) == faults(BETWEEN, ONLINE) == []
    assert faults(replace(WITHIN, seat=waiting, wanted_seat=waiting)) == []
    elsewhere = replace(SEAT, session_id="s2", kind=WAITLISTED)
    assert faults(replace(BETWEEN, wanted_seat=elsewhere)) == []


def test_faults_of_both_sessions_are_told_once() -> None:
    """A learner who is not enrolled is one fault, and not two."""
    stranger = replace(BETWEEN, enrolment=None, seat=no_seat(GIVEN, "ada"))
    assert [field for field, _ in faults(stranger)] == ["learner_id", "learner_id"]


def test_only_what_is_not_free_is_swapped() -> None:
    """Seats online without limit are always free."""
    wish = named(RequestSwap("s1", "ada", "", IN_ROOM))
    assert wish.wanted_session_id == "s1"
    assert list(free_violations(WITHIN, wish)) == []
    [fault] = free_violations(replace(WITHIN, wanted=replace(GIVEN, in_room=29)), wish)
    assert (fault.field, "ChooseSeat" in fault.right) == ("wanted_kind", True)
    online = replace(wish, wanted_kind=ONLINE)
    assert list(free_violations(WITHIN, online)) == []
    without_limit = replace(WITHIN, wanted=replace(GIVEN, online_seats=0, online=0))
    assert len([*free_violations(without_limit, online)]) == 1


def test_a_place_on_the_waiting_list_is_not_swapped() -> None:
    """Nobody can give it."""
    assert [each.field for each in request_violations(WAITLISTED)] == ["wanted_kind"]
    assert request_violations(ONLINE) == []


def test_one_open_request() -> None:
    """Another wish is refused, the same one isn't."""
    wish = RequestSwap("s1", "ada", "s2", IN_ROOM)
    assert list(open_violations(SWAP, wish)) == list(open_violations(None, wish)) == []
    for other in (replace(wish, wanted_kind=ONLINE), replace(wish, wanted_session_id="s1")):
        assert len([*open_violations(SWAP, other)]) == 1


def test_a_request_ends_by_the_first_cut_off() -> None:
    """An hour before the class that comes first."""
    assert (SWAP.expires_at, SWAP.kind, SWAP.turn) == (NINE - HOUR, ONLINE, 3)
    assert stands(SWAP, BETWEEN, SWAP.expires_at)
    assert not stands(SWAP, BETWEEN, SWAP.expires_at + timedelta(milliseconds=1))


@pytest.mark.parametrize(
    "change",
    [
        lambda f: replace(f, seat=replace(SEAT, turn=9)),
        lambda f: replace(f, seat=replace(SEAT, kind=IN_ROOM)),
        lambda f: replace(f, seat=replace(SEAT, offer_expires_at=NINE)),
        lambda f: replace(f, wanted_seat=replace(SEAT, session_id="s2")),
        lambda f: replace(f, given=replace(GIVEN, start_time=NINE + HOUR)),
        lambda f: replace(f, wanted=replace(WANTED, start_time=NINE)),
        lambda f: replace(f, given=replace(GIVEN, state=SessionState.CANCELLED)),
        lambda f: replace(f, wanted=replace(WANTED, state=SessionState.LIVE)),
        lambda f: replace(f, enrolment=replace(ENROLLED, state=EnrolmentState.WITHDRAWN)),
        lambda f: replace(f, wanted=replace(WANTED, group_ids=("g",))),
        lambda f: replace(f, run=replace(RUN, closed_at=NOW)),
    ],
)
def test_what_lapses(change: Callable[[Facts], Facts]) -> None:
    """A request stands until something that it depends on changes; ended ones stay as they are."""
    assert seen(SWAP, BETWEEN, NOW) == SWAP
    assert seen(SWAP, change(BETWEEN), NOW).state is SwapState.LAPSED
    for state in (SwapState.MATCHED, SwapState.WITHDRAWN):
        over = ended(SWAP, state, NOW)
        assert not stands(over, BETWEEN, NOW)
        assert seen(over, change(BETWEEN), NOW) == over


def test_a_swap_that_is_made_is_not_withdrawn() -> None:
    """Any other request may be."""
    assert list(withdrawal_violations(SWAP)) == []
    assert len([*withdrawal_violations(ended(SWAP, SwapState.MATCHED, NOW))]) == 1


@given(
    st.sampled_from([(IN_ROOM, None), (ONLINE, None), (WAITLISTED, ONLINE)]),
    st.sampled_from(["", "cohort"]),
)
def test_a_swap_leaves_the_taken_seats(
    place: tuple[SeatKind, SeatKind | None], cohort: str
) -> None:
    """As many are taken as before when one learner goes and one comes; who waited leaves the
    list.
    """
    now = replace(GIVEN, waitlisted=5, cohort_id=cohort)
    nobody, (kind, holds) = no_seat(now, "bob"), place
    seat = replace(no_seat(now, "ada"), kind=kind, holds=holds, ask_first=True, by_rotation=True)
    gone = exchanged(now, seat, None, NOW)
    after = recounted(now, seat, gone)
    come = exchanged(after, nobody, place_of(seat), NOW)
    after = recounted(after, nobody, come)
    assert (after.in_room, after.online) == (now.in_room, now.online)
    assert after.waitlisted == 5 - (kind is WAITLISTED)
    assert (gone.kind, gone.gave_up) == (None, bool(cohort))
    assert come == replace(nobody, kind=holds or kind, chosen_at=NOW, turn=after.turns)


def test_places_after_a_swap() -> None:
    """One seat: in the wanted session, which may be the same."""
    swaps: list[Swap] = [SWAP, requested(WITHIN, IN_ROOM, NOW)]
    assert [dict(each.places) for each in swaps] == [{"s1": None, "s2": IN_ROOM}, {"s1": IN_ROOM}]


def test_without_a_seat_there_is_no_request() -> None:
    """Whoever makes one has asked the rules before."""
    nothing: Seat = no_seat(GIVEN, "ada")
    with pytest.raises(ValueError, match="ada has no seat"):
        requested(replace(BETWEEN, seat=nothing), IN_ROOM, NOW)
