"""Seats: grants, waiting, promotion, and counters that never overbook."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FailedPrecondition
from services.sessions.domain.enums import EnrolmentState, SeatKind, SessionKind, SessionState
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.seats import (
    Seat,
    choice_violations,
    granted,
    is_without_limit,
    no_seat,
    online_change,
    promoted,
    recounted,
    request_violations,
    to_promote,
)
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import ENROLLED, HOUR, NINE, session

IN_ROOM, ONLINE, WAITLISTED = SeatKind.IN_ROOM, SeatKind.ONLINE, SeatKind.WAITLISTED
MINUTE = timedelta(minutes=1)


def _seat(kind: SeatKind | None, holds: SeatKind | None = None) -> Seat:
    return replace(no_seat(session(), "ada"), kind=kind, holds=holds)


@pytest.mark.parametrize(
    ("before", "full", "wanted", "after"),
    [
        (_seat(None), False, IN_ROOM, (IN_ROOM, None)),
        (_seat(None), True, IN_ROOM, (WAITLISTED, None)),
        (_seat(None), True, ONLINE, (ONLINE, None)),
        (_seat(ONLINE), False, IN_ROOM, (IN_ROOM, None)),
        (_seat(ONLINE), True, IN_ROOM, (WAITLISTED, ONLINE)),
        (_seat(WAITLISTED), True, IN_ROOM, (WAITLISTED, None)),
        (_seat(WAITLISTED, ONLINE), True, IN_ROOM, (WAITLISTED, ONLINE)),
        (_seat(WAITLISTED, ONLINE), True, ONLINE, (ONLINE, None)),
        (_seat(WAITLISTED), True, ONLINE, (ONLINE, None)),
        (_seat(IN_ROOM), True, IN_ROOM, (IN_ROOM, None)),
        (_seat(IN_ROOM), True, ONLINE, (ONLINE, None)),
        (_seat(IN_ROOM), True, None, (None, None)),
        (_seat(WAITLISTED, ONLINE), True, None, (None, None)),
        (_seat(None), False, None, (None, None)),
    ],
)
def test_what_a_choice_leads_to(
    before: Seat,
    full: bool,
    wanted: SeatKind | None,
    after: tuple[SeatKind | None, SeatKind | None],
) -> None:
    """A full room means to wait, and an online seat is kept meanwhile."""
    one = session(in_room=30 if full else 0)
    seat = granted(one, before, wanted, NINE)
    assert (seat.kind, seat.holds) == after


@pytest.mark.parametrize(
    ("before", "kind", "limit", "free"),
    [
        (_seat(None), ONLINE, 0, True),
        (_seat(ONLINE), None, 0, True),
        (_seat(None), ONLINE, 5, False),
        (_seat(ONLINE), None, 5, False),
        (_seat(None), IN_ROOM, 0, False),
        (_seat(IN_ROOM), ONLINE, 0, False),
        (_seat(WAITLISTED, ONLINE), ONLINE, 0, False),
        (_seat(WAITLISTED, ONLINE), None, 0, False),
    ],
)
def test_what_is_without_limit_concerns_nobody_else(
    before: Seat, kind: SeatKind | None, limit: int, free: bool
) -> None:
    """Online seats, where they are not limited; never one in the room, or the waiting for it."""
    assert is_without_limit(session(online_seats=limit), before, kind) is free


def test_a_repeated_choice_keeps_the_place_in_line() -> None:
    """A repeated choice of a waiting learner keeps their position."""
    waiting = replace(_seat(WAITLISTED), turn=3, chosen_at=NINE)
    assert granted(session(in_room=30, turns=9), waiting, IN_ROOM, NINE + HOUR) is waiting


def test_full_online_seats_are_refused_not_waited_for() -> None:
    """Only the room has a waiting list; a learner with an online seat is not refused."""
    full = session(online_seats=2, online=2)
    with pytest.raises(FailedPrecondition, match="all 2 online seats are taken"):
        granted(full, _seat(IN_ROOM), ONLINE, NINE)
    assert granted(full, _seat(ONLINE), ONLINE, NINE).kind is ONLINE
    assert granted(full, _seat(WAITLISTED, ONLINE), ONLINE, NINE).kind is ONLINE


def test_nobody_chooses_to_wait() -> None:
    """WAITLISTED is given, not asked for."""
    assert [violation.field for violation in request_violations(WAITLISTED)] == ["kind"]
    assert request_violations(None) == request_violations(IN_ROOM) == []


@pytest.mark.parametrize(
    ("changes", "enrolment", "wanted", "minutes", "fields"),
    [
        ({}, ENROLLED, IN_ROOM, 60, []),
        ({}, ENROLLED, IN_ROOM, 59, ["session_id"]),
        ({"state": SessionState.CANCELLED}, ENROLLED, IN_ROOM, 99, ["session_id"]),
        ({}, None, IN_ROOM, 99, ["learner_id"]),
        ({}, replace(ENROLLED, state=EnrolmentState.WITHDRAWN), ONLINE, 99, ["learner_id"]),
        ({}, replace(ENROLLED, state=EnrolmentState.WAITLISTED), ONLINE, 99, ["learner_id"]),
        ({"kind": SessionKind.ONLINE}, ENROLLED, IN_ROOM, 99, ["kind"]),
        ({"kind": SessionKind.IN_ROOM}, ENROLLED, ONLINE, 99, ["kind"]),
        ({"kind": SessionKind.IN_ROOM}, ENROLLED, None, 99, []),
        (
            {"state": SessionState.LIVE, "kind": SessionKind.ONLINE},
            None,
            IN_ROOM,
            -5,
            ["session_id", "session_id", "learner_id", "kind"],
        ),
    ],
)
def test_all_that_speaks_against_a_choice_is_told(
    changes: dict[str, object],
    enrolment: Enrolment | None,
    wanted: SeatKind | None,
    minutes: int,
    fields: list[str],
) -> None:
    """State, cut-off, enrolment and the kind of seat are reported at once."""
    now = NINE - minutes * MINUTE
    violations = choice_violations(session(**changes), enrolment, wanted, HOUR, now)
    assert [violation.field for violation in violations] == fields


class Hall:
    """A session with its seats, changed as the use cases do."""

    def __init__(self, one: Session) -> None:
        self.session = one
        self.seats: dict[str, Seat] = {}
        self.unlimited = 0

    def choose(self, learner: str, kind: SeatKind | None) -> None:
        before = self.seats.get(learner) or no_seat(self.session, learner)
        try:
            self._keep(before, granted(self.session, before, kind, NINE))
        except FailedPrecondition:
            assert self.session.online == self.session.online_seats
        line = sorted(self.of(WAITLISTED), key=lambda seat: seat.turn)
        for waiting in line[: to_promote(self.session)]:
            self._keep(waiting, promoted(waiting))

    def of(self, kind: SeatKind) -> list[Seat]:
        return [seat for seat in self.seats.values() if seat.kind is kind]

    def _keep(self, before: Seat, after: Seat) -> None:
        self.session = recounted(self.session, before, after)
        if not self.session.online_seats:
            self.unlimited += online_change(before, after)
        self.seats[after.learner_id] = after


@given(
    st.integers(0, 4),
    st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([IN_ROOM, ONLINE, None]))),
)
def test_no_order_of_choices_overbooks(
    room: int, online: int, choices: list[tuple[str, SeatKind | None]]
) -> None:
    """Counters equal the seats, limits hold, and nobody waits while a seat is free."""
    hall = Hall(session(room_seats=room, online_seats=online))
    for learner, kind in choices:
        hall.choose(learner, kind)
        one, seats = hall.session, hall.seats.values()
        assert one.in_room == len(hall.of(IN_ROOM)) <= room
        taken = sum(ONLINE in (seat.kind, seat.holds) for seat in seats)
        assert (one.online, hall.unlimited) == ((taken, 0) if online else (0, taken))
        assert one.online <= online or not online
        assert one.waitlisted == len(hall.of(WAITLISTED))
        assert not one.waitlisted or one.in_room == room


def test_the_line_is_first_come_first_served() -> None:
    """Seats that come free go to those who wait in the order in which they came."""
    hall = Hall(session(room_seats=1))
    for learner in "abcd":
        hall.choose(learner, IN_ROOM)
    hall.choose("b", None)
    hall.choose("b", IN_ROOM)  # back, but last in line now
    seated = []
    for _ in range(4):
        (seat,) = hall.of(IN_ROOM)
        seated.append(seat.learner_id)
        hall.choose(seat.learner_id, None)
    assert seated == ["a", "c", "d", "b"]
