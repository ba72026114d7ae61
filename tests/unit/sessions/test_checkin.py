"""Check-in codes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.errors import FailedPrecondition, Invalid
from services.sessions.domain.checkin import (
    TRIES,
    CheckedIn,
    WrongCode,
    accepted,
    code_at,
    expect_entitled,
    holds,
    hotp,
    shown_until,
)
from services.sessions.domain.enums import SeatKind, SessionState
from services.sessions.domain.seats import no_seat
from tests.unit.sessions.examples import NINE, session

SECOND = timedelta(seconds=1)
LIVE = session(state=SessionState.LIVE)
IN_ROOM = replace(no_seat(LIVE, "ada"), kind=SeatKind.IN_ROOM)


@pytest.mark.parametrize(
    ("counter", "code"),
    [(0, "755224"), (1, "287082"), (2, "359152"), (5, "254676"), (9, "520489")],
)
def test_codes_are_those_of_rfc_4226(counter: int, code: str) -> None:
    """The truncation gives the values of RFC 4226, appendix D."""
    assert hotp(b"12345678901234567890", counter, 6, "sha1") == code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "46119246"), (1111111109, "68084774"), (20000000000, "77737706")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """With SHA-256 it gives the values of RFC 6238, appendix B."""
    assert hotp(b"12345678901234567890123456789012", seconds // 30, 8, "sha256") == code


def test_a_code_holds_for_its_half_minute_and_the_next() -> None:
    """The code on the wall holds while it stands there and half a minute more, never before."""
    code = code_at(LIVE, NINE)
    assert len(code) == 6
    assert code.isdigit()
    assert holds(LIVE, code, NINE)
    assert holds(LIVE, f" {code}\n", NINE + 59 * SECOND)
    assert not holds(LIVE, code, NINE + 60 * SECOND)
    assert not holds(LIVE, code, NINE - SECOND)


@pytest.mark.parametrize("code", ["", "12345", "٣٣٣٣٣٣", "\ud7ff" * 16, "0" * 1000])
def test_odd_codes_just_do_not_hold(code: str) -> None:
    """Text that is no code is a wrong code, not an error."""
    assert not holds(LIVE, code, NINE)


@pytest.mark.parametrize("into", [0, 1, 29.999])
def test_a_projector_knows_until_when_a_code_is_shown(into: float) -> None:
    """Until the next half minute, at which another code is shown."""
    now = NINE + into * SECOND
    until = shown_until(now)
    assert until == NINE + 30 * SECOND
    assert code_at(LIVE, now) == code_at(LIVE, until - SECOND / 1000) != code_at(LIVE, until)


def test_sessions_have_codes_of_their_own() -> None:
    """Another secret gives other codes."""
    other = session(check_in_secret="cd" * 32)
    assert [code_at(LIVE, NINE + n * 30 * SECOND) for n in range(3)] != [
        code_at(other, NINE + n * 30 * SECOND) for n in range(3)
    ]


def test_only_a_seat_in_the_room_of_a_live_session_checks_in() -> None:
    """Before the session is LIVE, without a seat, or after too many tries, it is refused."""
    expect_entitled(LIVE, IN_ROOM, True, TRIES - 1)
    with pytest.raises(FailedPrecondition, match="only a session that is LIVE"):
        expect_entitled(session(), IN_ROOM, True, 0)
    full = replace(LIVE, in_room=LIVE.room_seats)
    for one, kind in ((LIVE, SeatKind.ONLINE), (full, SeatKind.WAITLISTED)):
        with pytest.raises(FailedPrecondition, match="chosen by ChooseSeat"):
            expect_entitled(one, replace(IN_ROOM, kind=kind), True, 0)
    with pytest.raises(FailedPrecondition, match="10 wrong codes"):
        expect_entitled(LIVE, IN_ROOM, True, TRIES)
    with pytest.raises(FailedPrecondition, match="no place in the run"):
        expect_entitled(LIVE, IN_ROOM, False, 0)


def test_a_free_seat_is_for_learners_of_the_run_without_any() -> None:
    """Also for one who waits; not for strangers, and not once the room is full."""
    expect_entitled(LIVE, replace(IN_ROOM, kind=SeatKind.WAITLISTED), True, 0)
    none, full = replace(IN_ROOM, kind=None), replace(LIVE, in_room=LIVE.room_seats)
    expect_entitled(LIVE, none, True, 0)
    for one, enrolled in ((LIVE, False), (full, True)):
        with pytest.raises(FailedPrecondition, match="no seat in the room"):
            expect_entitled(one, none, enrolled, 0)


def test_a_wrong_code_is_refused_after_it_was_counted() -> None:
    """The outcome that was committed becomes the refusal, and says how many tries are left."""
    assert accepted(CheckedIn(NINE)) == CheckedIn(NINE)
    with pytest.raises(Invalid, match="3 tries are left"):
        accepted(WrongCode(3))
