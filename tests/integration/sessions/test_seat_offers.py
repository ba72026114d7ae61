"""Offers of seats through the real edge and MongoDB: who is asked, answers, expiry, and what ends
them.
"""

from datetime import timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from prometheus_client import REGISTRY
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.worker import expire_offers
from tests.integration.sessions.school import School, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NONE, IN_ROOM, ONLINE, WAITLISTED = (
    types_pb2.SEAT_KIND_UNSPECIFIED,
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_WAITLISTED,
)
TAKEN, DECLINED, EXPIRED, WITHDRAWN = (
    events_pb2.SEAT_OFFER_OUTCOME_TAKEN,
    events_pb2.SEAT_OFFER_OUTCOME_DECLINED,
    events_pb2.SEAT_OFFER_OUTCOME_EXPIRED,
    events_pb2.SEAT_OFFER_OUTCOME_WITHDRAWN,
)
LEARNERS = ("ada", "bob", "cyd", "dan")
Session = resources_pb2.Session


def near(school: School, *learners: str) -> Session:
    """A class in four hours in a run that offers freed seats a day before. It has one seat in the
    room, which the first learner has; the others wait for it, and the first of them keeps an
    online seat.
    """
    day, hour = Duration(seconds=86_400), Duration(seconds=3_600)
    school.open_run(seat_offer_notice=day, seat_offer_within=hour)
    school.enrol(*LEARNERS)
    session = school.schedule(school.room(capacity=1))
    for learner in learners[1:2]:
        school.choose(session, learner, ONLINE)
    for learner in learners:
        school.choose(session, learner, IN_ROOM)
    return session


def ask(session: Session, learner: str) -> sessions_pb2.ChooseSeatRequest:
    """A request for a seat in the room that is offered, and not given at once."""
    return sessions_pb2.ChooseSeatRequest(
        session_id=session.id, learner_id=learner, kind=IN_ROOM, ask_first=True
    )


def answer(school: School, session: Session, learner: str, take: bool) -> resources_pb2.Seat:
    """A learner's answer."""
    request = sessions_pb2.AnswerOfferRequest(session_id=session.id, learner_id=learner, take=take)
    return school.learner(learner).AnswerOffer(request)


def offer(school: School, session: Session, learner: str) -> resources_pb2.Seat:
    """An offer by staff."""
    request = sessions_pb2.OfferSeatRequest(
        session_id=session.id, learner_id=learner, reason="a wheelchair"
    )
    return school.staff.OfferSeat(request)


def offered(school: School, session: Session) -> list[str]:
    """The learners who have an offer."""
    return [seat.learner_id for seat in school.seats(session) if seat.HasField("offer_expires_at")]


def ended(school: School) -> list[tuple[str, int]]:
    """The offers that ended, and how."""
    return [(each.learner_id, each.outcome) for each in school.published(events_pb2.SeatOfferEnded)]


def line(school: School, session: Session) -> list[str]:
    """The waiting list."""
    return [seat.learner_id for seat in school.seats(session) if seat.kind == WAITLISTED]


def test_near_the_class_a_freed_seat_is_offered_and_held(school: School) -> None:
    """It counts in the room until the answer; the learner keeps the online seat until then."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    (seat, waiting) = school.seats(session)
    assert (seat.learner_id, seat.kind, seat.holds) == ("bob", WAITLISTED, ONLINE)
    assert seat.offer_expires_at == school.at(60)
    assert not waiting.HasField("offer_expires_at")
    now = school.get(session)
    assert (now.in_room, now.online, now.waitlisted) == (1, 1, 2)
    [event] = school.published(events_pb2.SeatOffered)
    assert (event.learner_id, event.title, event.kind, event.holds) == (
        "bob",
        "Motion",
        WAITLISTED,
        ONLINE,
    )
    assert (event.offered_at, event.expires_at) == (school.at(), school.at(60))
    assert school.published(events_pb2.SeatPromoted) == []
    assert answer(school, session, "bob", take=True).kind == IN_ROOM
    now = school.get(session)
    assert (now.in_room, now.online, now.waitlisted) == (1, 0, 1)
    taken = school.published(events_pb2.SeatTaken)[-1]
    assert (taken.learner_id, taken.kind, taken.from_kind) == ("bob", IN_ROOM, WAITLISTED)
    assert ended(school) == [("bob", TAKEN)]


def test_far_from_the_class_only_who_wants_it_is_asked(school: School) -> None:
    """By default a freed seat is given at once, but to a learner who wished to be asked."""
    school.enrol(*LEARNERS)
    session = school.schedule(school.room(capacity=1))
    school.choose(session, "ada", IN_ROOM)
    assert school.learner("bob").ChooseSeat(ask(session, "bob")).ask_first
    school.choose(session, "cyd", IN_ROOM)
    school.choose(session, "ada", ONLINE)
    assert offered(school, session) == ["bob"]
    answer(school, session, "bob", take=False)
    assert [event.learner_id for event in school.published(events_pb2.SeatPromoted)] == ["cyd"]


def test_the_wish_to_be_asked_can_change(school: School) -> None:
    """The last choice counts; it keeps the place on the list, and is no event."""
    session = near(school, "ada", "bob", "cyd")
    told = len(school.published(events_pb2.SeatTaken))
    assert school.staff.ChooseSeat(ask(session, "bob")).ask_first
    assert not school.choose(session, "bob", IN_ROOM).ask_first
    assert line(school, session) == ["bob", "cyd"]
    assert len(school.published(events_pb2.SeatTaken)) == told


def test_who_declines_loses_only_the_turn(school: School) -> None:
    """The next is asked; who declined keeps the online seat and waits at the end. Who has passed a
    seat up is not asked about it again, but about the next that comes free.
    """
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    kept = answer(school, session, "bob", take=False)
    assert (kept.kind, kept.holds) == (WAITLISTED, ONLINE)
    assert offered(school, session) == ["cyd"]
    assert line(school, session) == ["cyd", "bob"]
    answer(school, session, "cyd", take=False)
    assert (offered(school, session), line(school, session)) == ([], ["bob", "cyd"])
    assert school.choose(session, "dan", IN_ROOM).kind == IN_ROOM
    school.choose(session, "dan", NONE)
    assert offered(school, session) == ["bob"]


def test_who_passed_a_seat_up_may_take_it_while_it_is_free(school: School) -> None:
    """A seat that nobody on the list wanted goes to the first who chooses it."""
    session = near(school, "ada", "bob")
    school.choose(session, "ada", NONE)
    answer(school, session, "bob", take=False)
    assert school.choose(session, "bob", IN_ROOM).kind == IN_ROOM


def start(school: School, session: Session) -> None:
    """The class begins, before its time."""
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))


def test_a_waiting_learner_takes_a_free_seat_at_the_door(school: School) -> None:
    """When the class begins the offer ends; who waits checks in while the room has a seat."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    start(school, session)
    code = school.get(session).check_in_code
    for learner in ("cyd", "bob"):
        request = sessions_pb2.CheckInRequest(session_id=session.id, learner_id=learner, code=code)
        if learner == "cyd":
            school.learner(learner).CheckIn(request)
        else:
            stub = school.learner(learner)
            assert refused(lambda: stub.CheckIn(request))[0] is PRECONDITION  # noqa: B023
    assert school.get(session).in_room == 1


def test_staff_offer_a_free_seat_out_of_turn(school: School) -> None:
    """Also to a learner without a seat; the reason is kept with the seat, and told. Who declines
    keeps what they had.
    """
    school.enrol(*LEARNERS)
    session = school.schedule(school.room(capacity=3))
    school.choose(session, "bob", ONLINE)
    seat = offer(school, session, "ada")
    assert (seat.kind, seat.offer_expires_at) == (NONE, school.at(120))
    assert offer(school, session, "bob").kind == ONLINE
    event = school.published(events_pb2.SeatOffered)[0]
    assert (event.offered_by, event.reason, event.kind) == ("curie", "a wheelchair", NONE)
    assert school.get(session).in_room == 2
    taken = answer(school, session, "ada", take=True)
    assert (taken.kind, taken.offered_by, taken.offer_reason) == (IN_ROOM, "curie", "a wheelchair")
    assert answer(school, session, "bob", take=False).kind == ONLINE
    assert [(each.learner_id, each.kind) for each in school.seats(session)] == [
        ("ada", IN_ROOM),
        ("bob", ONLINE),
    ]
    offer(school, session, "cyd")
    answer(school, session, "cyd", take=False)
    assert school.get(session).in_room == 1
    assert len(school.seats(session)) == 2


def test_an_offer_out_of_turn_takes_nothing_from_a_place_in_line(school: School) -> None:
    """Who waits and declines it is where they were."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    for learner in ("bob", "cyd"):
        answer(school, session, learner, take=False)
    offer(school, session, "bob")
    answer(school, session, "bob", take=False)
    assert (offered(school, session), line(school, session)) == ([], ["bob", "cyd"])


def test_all_that_speaks_against_an_offer_is_told(school: School) -> None:
    """A full room, a learner with a seat or an offer, a stranger: all faults at once."""
    session = near(school, "ada", "bob")
    code, text = refused(lambda: offer(school, session, "zed"))
    assert code is PRECONDITION
    assert "not enrolled" in text
    assert "all 1 seats in the room are taken or offered" in text
    assert "has a seat in the room" in refused(lambda: offer(school, session, "ada"))[1]
    school.choose(session, "ada", NONE)
    assert "is offered a seat already" in refused(lambda: offer(school, session, "bob"))[1]
    school.clock.forward(hours=3, seconds=1)
    expire_offers(school.database)
    assert "were chosen until" in refused(lambda: offer(school, session, "dan"))[1]


def test_only_the_learner_and_staff_answer(school: School) -> None:
    """Another learner is refused, and learners offer no seats."""
    session = near(school, "ada", "bob")
    school.choose(session, "ada", NONE)
    request = sessions_pb2.AnswerOfferRequest(session_id=session.id, learner_id="bob", take=True)
    other = school.learner("cyd")
    assert refused(lambda: other.AnswerOffer(request))[0] is grpc.StatusCode.PERMISSION_DENIED
    by_learner = sessions_pb2.OfferSeatRequest(
        session_id=session.id, learner_id="cyd", reason="I want it"
    )
    assert refused(lambda: other.OfferSeat(by_learner))[0] is grpc.StatusCode.PERMISSION_DENIED
    assert school.staff.AnswerOffer(request).kind == IN_ROOM


def test_offers_are_counted(school: School) -> None:
    """The metric counts each that is made, and each that ends, by how."""

    def count(event: str) -> float:
        found = REGISTRY.get_sample_value("tandem_sessions_seat_offers_total", {"event": event})
        return found or 0.0

    before = [count(each) for each in ("offered", "taken", "expired")]
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    school.clock.at += timedelta(hours=1)
    expire_offers(school.database)
    answer(school, session, "cyd", take=True)
    after = [count(each) for each in ("offered", "taken", "expired")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1]
