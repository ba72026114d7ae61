"""Seats through the real edge and MongoDB: cut-off, waiting, promotion, races."""

import random
from collections import Counter
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition
from tests.deep import ONLY_DEEP
from tests.integration.sessions.school import RUN, School, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NONE, IN_ROOM, ONLINE, WAITLISTED = (
    types_pb2.SEAT_KIND_UNSPECIFIED,
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_WAITLISTED,
)


def _counts(session: resources_pb2.Session) -> tuple[int, int, int]:
    return session.in_room, session.online, session.waitlisted


def test_a_learner_chooses_an_own_seat(school: School) -> None:
    """A seat is returned, counted and published; a learner can't choose for another."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room())
    request = sessions_pb2.ChooseSeatRequest(session_id=session.id, learner_id="ada", kind=IN_ROOM)
    seat = school.learner("ada").ChooseSeat(request)
    assert (seat.kind, seat.chosen_at) == (IN_ROOM, school.at())
    assert _counts(school.get(session)) == (1, 0, 0)
    (event,) = school.published(events_pb2.SeatTaken)
    assert (event.learner_id, event.kind, event.from_kind) == ("ada", IN_ROOM, NONE)
    stranger = school.learner("bob")
    assert refused(lambda: stranger.ChooseSeat(request))[0] is grpc.StatusCode.PERMISSION_DENIED


def test_a_repeated_choice_tells_nothing_new(school: School) -> None:
    """The same choice again answers the same seat, and no event."""
    school.enrol("ada")
    session = school.schedule(school.room())
    first = school.choose(session, "ada", ONLINE)
    school.clock.forward(minutes=5)
    assert school.choose(session, "ada", ONLINE) == first
    assert len(school.published(events_pb2.SeatTaken)) == 1


def test_a_freed_seat_goes_to_the_first_who_waits(school: School) -> None:
    """A waiting learner keeps an online seat until the promotion, which frees it."""
    school.enrol("ada", "bob", "cyd")
    session = school.schedule(school.room(capacity=1))
    school.choose(session, "ada", IN_ROOM)
    school.choose(session, "bob", ONLINE)
    waiting = school.choose(session, "bob", IN_ROOM)
    assert (waiting.kind, waiting.holds) == (WAITLISTED, ONLINE)
    school.choose(session, "cyd", IN_ROOM)
    assert _counts(school.get(session)) == (1, 1, 2)
    school.choose(session, "ada", ONLINE)
    assert _counts(school.get(session)) == (1, 1, 1)
    (event,) = school.published(events_pb2.SeatPromoted)
    assert (event.learner_id, event.kind, event.title) == ("bob", IN_ROOM, "Motion")
    assert event.from_kind == ONLINE
    assert [(seat.learner_id, seat.kind) for seat in school.seats(session)] == [
        ("bob", IN_ROOM),
        ("ada", ONLINE),
        ("cyd", WAITLISTED),
    ]


def test_a_seat_is_given_up(school: School) -> None:
    """UNSPECIFIED frees the seat, is published, and is harmless if there is no seat."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room(capacity=1))
    school.choose(session, "ada", IN_ROOM)
    school.choose(session, "bob", IN_ROOM)
    assert school.choose(session, "ada", NONE).kind == NONE
    assert school.choose(session, "ada", NONE).kind == NONE
    assert [(seat.learner_id, seat.kind) for seat in school.seats(session)] == [("bob", IN_ROOM)]
    published = [
        (e.learner_id, e.kind, e.from_kind) for e in school.published(events_pb2.SeatTaken)
    ]
    assert published[-1] == ("ada", NONE, IN_ROOM)
    assert len(published) == 3


def test_a_learner_sees_the_own_seat(school: School) -> None:
    """The learner names themself; the seats of others are not shown."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room())
    for learner in ("ada", "bob"):
        school.choose(session, learner, IN_ROOM)

    def seats(learner_id: str) -> list[str]:
        request = sessions_pb2.ListSeatsRequest(session_id=session.id, learner_id=learner_id)
        return [seat.learner_id for seat in school.learner("ada").ListSeats(request).seats]

    assert seats("ada") == ["ada"]
    for other in ("bob", ""):
        denied, _ = refused(lambda other=other: seats(other))  # type: ignore[misc]
        assert denied is grpc.StatusCode.PERMISSION_DENIED


def test_the_cut_off_is_the_runs(school: School) -> None:
    """Seats are chosen up to the policy's cut-off to the millisecond, and not after."""
    school.open_run("strict", seat_cutoff=Duration(seconds=3 * 3600))
    school.enrol("ada", run_id="strict")
    session = school.schedule(school.room(), run_id="strict")
    school.clock.forward(hours=1)
    school.choose(session, "ada", ONLINE)
    school.clock.forward(milliseconds=1)
    code, text = refused(lambda: school.choose(session, "ada", NONE))
    assert code is PRECONDITION
    assert "until 2026-03-02T09:00:00" in text


def test_only_learners_of_the_run_get_seats_that_exist(school: School) -> None:
    """All reasons against a choice are returned at once; WAITLISTED can't be chosen."""
    school.enrol("ada")
    session = school.schedule(school.room(), kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    code, text = refused(lambda: school.choose(session, "zed", ONLINE))
    assert code is PRECONDITION
    assert "not enrolled" in text
    assert "no seats ONLINE" in text
    code, _ = refused(lambda: school.choose(session, "ada", WAITLISTED))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_full_online_seats_are_refused(school: School) -> None:
    """Only the room has a waiting list."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room(), online_seats=1)
    school.choose(session, "ada", ONLINE)
    code, text = refused(lambda: school.choose(session, "bob", ONLINE))
    assert code is PRECONDITION
    assert "all 1 online seats are taken" in text


def test_who_withdraws_frees_seats_to_come(school: School) -> None:
    """Seats of SCHEDULED sessions are freed and given on; those of begun ones stay."""
    school.enrol("ada", "bob")
    room = school.room(capacity=1)
    begun = school.live(room, "ada")
    later = school.schedule(
        room, starts=types_pb2.CivilTime(local="2026-03-02T15:00:00", zone="UTC")
    )
    for learner in ("ada", "bob"):
        school.choose(later, learner, IN_ROOM)
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada"))
    assert [(seat.learner_id, seat.kind) for seat in school.seats(later)] == [("bob", IN_ROOM)]
    assert [seat.learner_id for seat in school.seats(begun)] == ["ada"]
    assert [event.learner_id for event in school.published(events_pb2.SeatPromoted)] == ["bob"]
    assert refused(lambda: school.choose(later, "ada", ONLINE))[0] is PRECONDITION


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=ONLY_DEEP)])
def test_no_race_overbooks(school: School, seed: int) -> None:
    """Sixty learners at once on twenty seats, changing at random: counters and limits hold."""
    learners = [f"l{number}" for number in range(60)]
    school.enrol(*learners)
    session = school.schedule(school.room(capacity=20), online_seats=25)

    def wander(learner: str) -> None:
        chance = random.Random(f"{seed} {learner}")
        for kind in [IN_ROOM, *chance.choices([IN_ROOM, ONLINE, NONE], k=3)]:
            request = sessions_pb2.ChooseSeatRequest(
                session_id=session.id, learner_id=learner, kind=kind
            )
            try:
                school.api.ChooseSeat(request, None)
            except FailedPrecondition as refusal:
                assert "online seats are taken" in str(refusal)  # noqa: PT017

    race(wander, learners)
    now, seats = school.get(session), school.seats(session)
    kinds = Counter(seat.kind for seat in seats)
    online = sum(ONLINE in (seat.kind, seat.holds) for seat in seats)
    assert _counts(now) == (kinds[IN_ROOM], online, kinds[WAITLISTED])
    assert now.in_room <= 20
    assert now.online <= 25
    assert not now.waitlisted or now.in_room == 20


def test_a_withdrawal_leaves_no_seat_however_it_races(school: School) -> None:
    """A choice and a withdrawal race: both orders end without a seat."""
    learners = [f"l{number}" for number in range(8)]
    school.enrol(*learners)
    session = school.schedule(school.room())

    def choose(learner: str) -> None:
        request = sessions_pb2.ChooseSeatRequest(
            session_id=session.id, learner_id=learner, kind=IN_ROOM
        )
        try:
            school.api.ChooseSeat(request, None)
        except FailedPrecondition as refusal:
            assert "not enrolled" in str(refusal)  # noqa: PT017

    def withdraw(learner: str) -> None:
        school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learner))

    race(lambda act: act[0](act[1]), [(f, one) for one in learners for f in (choose, withdraw)])
    assert school.seats(session) == []
    assert _counts(school.get(session)) == (0, 0, 0)


def test_promotion_comes_from_a_withdrawal_after_the_cut_off_too(school: School) -> None:
    """A seat that comes free just before the class is not left empty."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room(capacity=1))
    for learner in ("ada", "bob"):
        school.choose(session, learner, IN_ROOM)
    school.clock.forward(minutes=timedelta(hours=3, minutes=50) / timedelta(minutes=1))
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada"))
    assert [(seat.learner_id, seat.kind) for seat in school.seats(session)] == [("bob", IN_ROOM)]


@pytest.mark.parametrize("closed", [True, False])
def test_nobody_is_promoted_in_a_run_that_is_over(school: School, closed: bool) -> None:
    """Closed, or after its last day: seats can be given up, and neither taken nor passed on."""
    school.enrol("ada", "bob", "eve")
    session = school.schedule(school.room(capacity=1))
    for learner in ("ada", "bob"):
        school.choose(session, learner, IN_ROOM)
    facts = catalog.RunFacts(run_id=RUN, zone="Europe/Dublin", end_date="2026-03-01")
    if closed:
        facts.end_date = "2099-12-31"
        facts.closed_at.CopyFrom(school.at())
    school.hear("rosters", catalog.RunUpdated(run_id=RUN, run=facts))
    code, text = refused(lambda: school.choose(session, "eve", types_pb2.SEAT_KIND_ONLINE))
    assert (code, "is over" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    school.choose(session, "ada", types_pb2.SEAT_KIND_UNSPECIFIED)
    assert [(seat.learner_id, seat.kind) for seat in school.seats(session)] == [
        ("bob", types_pb2.SEAT_KIND_WAITLISTED)
    ]
    assert school.published(events_pb2.SeatPromoted) == []
