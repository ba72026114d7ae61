"""Help: what news make of a fall, which place a learner is invited to, and what follows answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain import falls
from services.sessions.domain import help as helping
from services.sessions.domain.enums import (
    AttendanceMode,
    Interval,
    SeatKind,
    SessionKind,
    SessionPurpose,
    SessionState,
)
from services.sessions.domain.falls import Fall, FallNews, FallState
from services.sessions.domain.help import Invitation, InvitationState
from services.sessions.domain.offers import Outcome
from services.sessions.domain.roster import OFFER_WITHIN, Policy
from services.sessions.domain.seats import Seat, no_seat
from services.sessions.domain.session import Session
from tests.unit.sessions.examples import ENROLLED, HOUR, NINE, session

DAY = timedelta(days=1)
NEWS = FallNews(
    run_id="run", learner_id="ada", enrolment_id="e1", since=NINE, was_since=None, sequence=1
)
MICRO = timedelta(microseconds=7)


def desk(number: int = 1, **changes: object) -> Session:
    """A help session, one day later for each number, with two seats in the room."""
    start = NINE + number * DAY
    given: dict[str, object] = {
        "id": f"s{number}",
        "purpose": SessionPurpose.HELP,
        "activity_id": "",
        "start_time": start,
        "end_time": start + HOUR,
        "room_seats": 2,
    }
    return replace(session(), **{**given, **changes})  # type: ignore[arg-type]


def fall(**changes: object) -> Fall:
    """Ada, who is behind and waits."""
    found = falls.fallen(None, NEWS)
    assert found is not None
    return replace(found, **changes)  # type: ignore[arg-type]


def invitation(state: InvitationState = InvitationState.INVITED) -> Invitation:
    """Ada's invitation to the first help session."""
    made = helping.invitation(fall(), ENROLLED, "s1", SeatKind.IN_ROOM, NINE, NINE + HOUR)
    return replace(made, state=state)


def ending(news: Sequence[FallNews]) -> Fall | None:
    """What is known after some news."""
    known: Fall | None = None
    for each in news:
        known = falls.fallen(known, each) or known
    return known


@pytest.mark.parametrize("order", permutations(range(4)))
def test_a_fall_follows_from_the_newest_news(order: tuple[int, ...]) -> None:
    """In any order, and with repeats: behind, not any more, behind again, and not any more."""
    news = [
        NEWS,
        replace(NEWS, since=None, was_since=NINE, sequence=2),
        replace(NEWS, since=NINE + DAY, sequence=3),
        replace(NEWS, since=None, was_since=NINE + DAY, sequence=4),
    ]
    told = [news[place] for place in order]
    assert ending([*told, *told]) == ending(news)
    last = ending([each for each in told if each.sequence < 4])
    assert last is not None
    assert (last.state, last.since) == (FallState.WAITING, NINE + DAY)


def test_the_same_fall_told_again_changes_nothing() -> None:
    """Who is invited stays so, though the instant is told more exactly than it is stored."""
    known = falls.invited(fall(), "s1")
    again = falls.fallen(known, replace(NEWS, since=NINE + MICRO, sequence=5))
    assert again == replace(known, sequence=5)
    assert falls.fallen(known, NEWS) is None


def test_a_recovery_that_tells_nothing_is_kept() -> None:
    """So that an older fall, which comes later, does not count."""
    known = falls.fallen(None, replace(NEWS, since=None, sequence=9))
    assert known is not None
    assert known.state is FallState.OVER
    assert falls.fallen(known, NEWS) is None


def test_the_next_place_is_the_first_that_suits() -> None:
    """By the groups, the kind of seat, the learner's classes, and what was passed up before."""
    sessions = [desk(1, group_ids=("other",)), desk(2), desk(3, in_room=2, online_seats=1), desk(4)]
    busy = [Interval(sessions[1].start_time - HOUR, sessions[1].start_time + HOUR / 2)]

    def found(**given: object) -> tuple[str, SeatKind] | None:
        known: dict[str, object] = {"seats": {}, "invitations": {}, "busy": [], **given}
        place = helping.next_place(ENROLLED, sessions, **known)  # type: ignore[arg-type]
        return (place[0].id, place[1]) if place else None

    assert found() == ("s2", SeatKind.IN_ROOM)
    assert found(busy=busy) == ("s3", SeatKind.ONLINE)
    assert found(busy=busy, seats={"s3": no_seat(sessions[2], "ada")}) == ("s4", SeatKind.IN_ROOM)
    for state in InvitationState:
        passed = state in helping.PASSED_UP
        expected = ("s3", SeatKind.ONLINE) if passed else ("s2", SeatKind.IN_ROOM)
        assert found(invitations={"s2": invitation(state)}) == expected
    touching = [Interval(sessions[1].start_time - HOUR, sessions[1].start_time)]
    assert found(busy=touching) == ("s2", SeatKind.IN_ROOM)


@given(
    st.sampled_from(SessionKind),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([*AttendanceMode, None]),
)
def test_nobody_is_invited_to_a_place_that_is_taken(
    kind: SessionKind, in_room: int, online_seats: int, online: int, mode: AttendanceMode | None
) -> None:
    """The place is of a kind that the session has and that suits the learner, and it is free."""
    one = desk(kind=kind, in_room=in_room, online_seats=online_seats, online=online)
    enrolment = replace(ENROLLED, mode=mode)
    place = helping.next_place(enrolment, [one], {}, {}, [])
    if place is None:
        assert not any(helping.has_place(one, each) for each in helping.kinds_for(mode))
        return
    taken = place[1]
    assert kind in (SessionKind.HYBRID, SessionKind(taken))
    assert mode is AttendanceMode.CLASSROOM or taken is SeatKind.ONLINE
    free = one.room_seats - in_room if taken is SeatKind.IN_ROOM else online_seats - online
    assert free > 0 or (taken is SeatKind.ONLINE and not online_seats)


@pytest.mark.parametrize(
    ("one", "at", "expected"),
    [
        (desk(), NINE, True),
        (desk(), NINE + DAY - HOUR, False),
        (desk(state=SessionState.LIVE), NINE, False),
        (desk(state=SessionState.CANCELLED), NINE, False),
        (desk(purpose=SessionPurpose.CLASS), NINE, False),
    ],
)
def test_guests_come_to_help_sessions_before_the_cutoff(
    one: Session, at: datetime, expected: bool
) -> None:
    """Only to those that are planned, and while they can answer."""
    assert helping.takes_guests(one, Policy(), at) is expected


def test_an_invitation_stands_as_long_as_an_offer() -> None:
    """One that holds no limited seat stands until the cut-off; none stands longer."""
    policy, cutoff = Policy(), NINE + DAY - HOUR
    assert helping.answer_by(desk(), SeatKind.IN_ROOM, policy, NINE) == NINE + OFFER_WITHIN
    limited = desk(online_seats=3)
    assert helping.answer_by(limited, SeatKind.ONLINE, policy, NINE) == NINE + OFFER_WITHIN
    assert helping.answer_by(desk(), SeatKind.ONLINE, policy, NINE) == cutoff
    assert helping.answer_by(desk(), SeatKind.IN_ROOM, policy, cutoff - HOUR / 2) == cutoff


def test_a_learner_is_busy_where_expected_or_seated() -> None:
    """A help session counts only with a seat in it, and a class for other groups not at all."""
    lecture, others = session(), session(id="s2", group_ids=("other",))
    seated: dict[str, Seat] = {"s1": no_seat(desk(), "ada")}

    def busy(one: Session, seats: dict[str, Seat]) -> int:
        return len(helping.busy_times([ENROLLED], seats, [one]))

    assert [busy(lecture, {}), busy(others, {}), busy(desk(), {}), busy(desk(), seated)] == [
        1,
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("ended", "state", "not_before"),
    [
        (Outcome.DECLINED, InvitationState.DECLINED, NINE + helping.ASK_AGAIN_AFTER),
        (Outcome.EXPIRED, InvitationState.LAPSED, NINE + helping.ASK_AGAIN_AFTER),
        (Outcome.WITHDRAWN, InvitationState.WITHDRAWN, None),
    ],
)
def test_who_does_not_take_the_seat_waits_again(
    ended: Outcome, state: InvitationState, not_before: datetime | None
) -> None:
    """After some days if it was the learner's answer, else at once; never if the fall is over."""
    after = helping.after_seat(invitation(), no_seat(desk(), "ada"), ended, NINE)
    assert (after.state, after.ended_at) == (state, NINE)
    waits = helping.after_invitation(falls.invited(fall(), "s1"), after, NINE)
    assert waits == fall(not_before=not_before)
    for other in (falls.over(fall()), falls.invited(fall(), "s2")):
        assert helping.after_invitation(other, after, NINE) == other


@pytest.mark.parametrize("kind", [SeatKind.IN_ROOM, SeatKind.ONLINE])
def test_any_place_in_the_session_takes_the_invitation(kind: SeatKind) -> None:
    """Also after it was declined; a place on the waiting list is none."""
    seat = replace(no_seat(desk(), "ada"), kind=kind)
    for before in (invitation(), invitation(InvitationState.DECLINED)):
        after = helping.after_seat(before, seat, Outcome.DECLINED, NINE)
        assert after.state is InvitationState.TAKEN
        assert helping.after_invitation(fall(), after, NINE) == falls.invited(fall(), "s1")
    waiting = replace(seat, kind=SeatKind.WAITLISTED)
    after = helping.after_seat(invitation(), waiting, Outcome.DECLINED, NINE)
    assert after.state is InvitationState.DECLINED


def test_a_run_is_looked_at_again_when_somebody_may_be_asked() -> None:
    """At the end of the pause, and once a day at least."""
    assert falls.look_again(fall(), NINE) == NINE + DAY
    assert falls.look_again(fall(not_before=NINE + HOUR), NINE) == NINE + HOUR
    assert falls.look_again(fall(not_before=NINE + 3 * DAY), NINE) == NINE + DAY
    assert falls.look_again(fall(not_before=NINE - HOUR), NINE) == NINE + DAY
