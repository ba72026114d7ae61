"""Offers of seats: who is asked, until when, and what an answer leaves."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.enums import SeatKind
from services.sessions.domain.offers import (
    Outcome,
    Terms,
    can_answer,
    expiry,
    held,
    is_asked,
    outcome_of,
    passed,
    released,
)
from services.sessions.domain.roster import Policy
from services.sessions.domain.seats import Seat, granted, is_offered, no_seat, recounted, stands
from tests.unit.sessions.examples import HOUR, NINE, session

MINUTE = timedelta(minutes=1)
NEAR = Policy(seat_offer_notice=12 * HOUR, seat_offer_within=2 * HOUR)
WAITING = replace(no_seat(session(), "ada"), kind=SeatKind.WAITLISTED, turn=3)
OFFERED = held(WAITING, Terms(NINE - HOUR))


@pytest.mark.parametrize(
    ("before", "policy", "ask_first", "expected"),
    [
        (13 * HOUR, NEAR, False, False),
        (13 * HOUR, NEAR, True, True),
        (11 * HOUR, NEAR, False, True),
        (11 * HOUR, Policy(), False, False),
        (11 * HOUR, Policy(), True, True),
        (1 * HOUR, NEAR, True, False),
    ],
)
def test_who_is_asked(before: timedelta, policy: Policy, ask_first: bool, expected: bool) -> None:
    """Near the class everyone, before that who wants it, after the cut-off nobody."""
    waiting = replace(WAITING, ask_first=ask_first)
    assert is_asked(session(), waiting, policy, NINE - before) is expected


@given(st.integers(61, 3000), st.integers(1, 600))
def test_an_offer_ends_by_the_cut_off(before: int, within: int) -> None:
    """An offer stands for its time, never longer than until the cut-off, and never for none."""
    policy, now = replace(NEAR, seat_offer_within=within * MINUTE), NINE - before * MINUTE
    until = expiry(session(), policy, now)
    assert can_answer(session(), policy, now)
    assert now < until == min(now + within * MINUTE, NINE - HOUR)


def test_an_offer_stands_until_its_expiry() -> None:
    """At that instant it can't be answered any more, though the seat is still held."""
    assert stands(OFFERED, NINE - HOUR - MINUTE)
    assert not stands(OFFERED, NINE - HOUR)
    assert is_offered(OFFERED)


def test_a_held_seat_counts_as_taken() -> None:
    """From the offer to its end, whatever seat the learner has meanwhile."""
    one = session(waitlisted=1)
    offered = recounted(one, WAITING, OFFERED)
    assert (offered.in_room, offered.waitlisted) == (1, 1)
    in_room = granted(offered, OFFERED, SeatKind.IN_ROOM, NINE - 2 * HOUR)
    taken = recounted(offered, OFFERED, in_room)
    assert (taken.in_room, taken.waitlisted) == (1, 0)
    gone = recounted(offered, OFFERED, released(OFFERED))
    assert (gone.in_room, gone.waitlisted) == (0, 1)


def test_who_passes_a_seat_up_goes_to_the_end_of_the_line() -> None:
    """Not one who was offered it out of turn; and who does not wait keeps what they have."""
    one = session(turns=9)
    assert passed(one, OFFERED) == replace(WAITING, turn=10, passed=10)
    out_of_turn = held(WAITING, Terms(NINE, "curie", "a wheelchair"))
    assert passed(one, out_of_turn) == replace(WAITING, passed=10)
    online = replace(WAITING, kind=SeatKind.ONLINE)
    assert passed(one, held(online, Terms(NINE, "curie", "a wheelchair"))) == online


def test_a_seat_that_comes_free_later_is_for_who_passed_earlier_ones() -> None:
    """`freed` passes `passed` only with a seat that was taken, not with one that was held."""
    one = session(turns=9, freed=4, in_room=2)
    after = passed(one, OFFERED)
    one = recounted(one, OFFERED, after)
    assert one.freed < after.passed
    seated = replace(no_seat(one, "bob"), kind=SeatKind.IN_ROOM)
    one = recounted(one, seated, granted(one, seated, None, NINE))
    assert one.freed >= after.passed


@pytest.mark.parametrize(
    ("kind", "minutes", "expected"),
    [
        (SeatKind.IN_ROOM, 90, Outcome.TAKEN),
        (SeatKind.ONLINE, 90, Outcome.DECLINED),
        (SeatKind.ONLINE, 30, Outcome.EXPIRED),
    ],
)
def test_how_an_offer_ended(kind: SeatKind, minutes: int, expected: Outcome) -> None:
    """By what was chosen, and whether there was still time."""
    after: Seat = replace(WAITING, kind=kind)
    now = NINE - minutes * MINUTE
    assert outcome_of(OFFERED, after, now, Outcome.DECLINED) is expected
