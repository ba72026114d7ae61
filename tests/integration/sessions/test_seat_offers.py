"""Offers of seats through the real edge and MongoDB: who is asked, answers, expiry, and what ends
them.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from prometheus_client import REGISTRY
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition
from services.sessions.usecases import offers
from services.sessions.worker import expire_offers
from tests.deep import only_deep
from tests.integration.processes import eventually
from tests.integration.sessions.school import RUN, School, race, refused, worker
from tests.mongo import end_leases, end_transactions

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


def test_an_offer_expires(school: School) -> None:
    """After its time the worker offers the seat to the next, once, and who let it expire waits at
    the end; a late answer is refused, also before the worker comes.
    """
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    school.clock.forward(minutes=59, seconds=59)
    expire_offers(school.database)
    assert offered(school, session) == ["bob"]
    school.clock.forward(seconds=1)
    for take in (True, False):
        code, text = refused(lambda take=take: answer(school, session, "bob", take))  # type: ignore[misc]
        assert (code, "expired at 2026-03-02T09:00:00Z" in text) == (PRECONDITION, True)
    for _ in range(2):
        expire_offers(school.database)
        assert offered(school, session) == ["cyd"]
    assert line(school, session) == ["cyd", "bob"]
    assert ended(school) == [("bob", EXPIRED)]
    code, text = refused(lambda: answer(school, session, "bob", take=True))
    assert (code, "no offer" in text) == (PRECONDITION, True)


def test_an_expired_offer_gives_no_seat_before_the_worker_ends_it(school: School) -> None:
    """Who chooses the room after the time to answer waits on, and does not take the held seat."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    school.clock.forward(hours=1)
    assert school.choose(session, "bob", IN_ROOM).kind == WAITLISTED
    expire_offers(school.database)
    assert offered(school, session) == ["cyd"]


def test_no_offer_outlasts_the_cut_off(school: School) -> None:
    """It expires at the cut-off; from then on seats are given at once to the first who did not
    wish to be asked, because nobody can answer any more.
    """
    session = near(school, "ada", "bob")
    school.learner("cyd").ChooseSeat(ask(session, "cyd"))
    school.choose(session, "dan", IN_ROOM)
    school.clock.forward(hours=2, minutes=40)
    school.choose(session, "ada", NONE)
    [seat] = [each for each in school.seats(session) if each.HasField("offer_expires_at")]
    assert (seat.learner_id, seat.offer_expires_at) == ("bob", school.at(20))
    school.clock.forward(minutes=20)
    expire_offers(school.database)
    assert [event.learner_id for event in school.published(events_pb2.SeatPromoted)] == ["dan"]
    assert line(school, session) == ["cyd", "bob"]


def cancel(school: School, session: Session) -> None:
    """The class is cancelled."""
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=session.id, reason="ill")
    )


def start(school: School, session: Session) -> None:
    """The class begins, before its time."""
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))


def withdraw(school: School, _: Session) -> None:
    """The learner leaves the run."""
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="bob"))


@pytest.mark.parametrize(
    ("change", "waiting"), [(cancel, ["bob"]), (start, ["bob"]), (withdraw, [])]
)
def test_what_withdraws_an_offer(
    school: School, change: Callable[[School, Session], None], waiting: list[str]
) -> None:
    """A class that is cancelled or begins, and a learner who leaves: the seat is free again."""
    session = near(school, "ada", "bob")
    school.choose(session, "ada", NONE)
    change(school, session)
    assert (offered(school, session), line(school, session)) == ([], waiting)
    assert school.get(session).in_room == 0
    assert ended(school) == [("bob", WITHDRAWN)]
    assert refused(lambda: answer(school, session, "bob", take=True))[0] is PRECONDITION


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


def test_a_start_that_is_taken_back_offers_the_seat_again(school: School) -> None:
    """To the first who waits."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    start(school, session)
    school.staff.UndoStart(sessions_pb2.UndoStartRequest(session_id=session.id))
    assert offered(school, session) == ["bob"]


def test_a_class_that_moves_offers_its_seats_anew(school: School) -> None:
    """An offer of a seat at another time is withdrawn, and made with the new time; in a class that
    is far away now the seat is given at once.
    """
    session = near(school, "ada", "bob")
    school.choose(session, "ada", NONE)

    def move(local: str) -> None:
        starts = types_pb2.CivilTime(local=local, zone="Europe/Dublin")
        school.staff.MoveSession(
            sessions_pb2.MoveSessionRequest(session_id=session.id, starts=starts)
        )

    move("2026-03-02T09:30:00")
    [seat] = school.seats(session)
    assert seat.offer_expires_at == school.at(30)
    assert ended(school) == [("bob", WITHDRAWN)]
    assert school.published(events_pb2.SeatOffered)[-1].start_time == school.at(90)
    move("2026-03-05T12:00:00")
    assert [seat.kind for seat in school.seats(session)] == [IN_ROOM]
    assert ended(school) == [("bob", WITHDRAWN)] * 2


def test_learners_of_other_groups_lose_their_offers(school: School) -> None:
    """Who is in none of the session's groups any more has no offer, and the next is asked."""
    session = near(school, "ada", "bob")
    school.hear("rosters", catalog.GroupChanged(group_id="g", run_id=RUN, name="G"))

    def assign(*learners: str, group: str = "g") -> None:
        school.hear(
            "rosters",
            *(
                catalog.GroupMemberChanged(
                    enrolment_id=f"e-{one}", run_id=RUN, learner_id=one, group_ids=[group]
                )
                for one in learners
            ),
        )

    assign(*LEARNERS)
    lab = school.schedule(
        school.room("Lab", 1), group_ids=["g"], instructor_id="bohr", activity_id="lecture"
    )
    for learner in ("ada", "bob", "cyd"):
        school.choose(lab, learner, IN_ROOM)
    school.choose(lab, "ada", NONE)
    assign("bob", group="other")
    assert (offered(school, lab), line(school, lab)) == (["cyd"], ["cyd"])
    assert school.get(session).waitlisted == 1


def test_offers_of_a_run_that_is_over(school: School) -> None:
    """They can be declined and not taken, and their seats go to nobody."""
    session = near(school, "ada", "bob", "cyd")
    school.choose(session, "ada", NONE)
    facts = catalog.RunFacts(run_id=RUN, zone="UTC", end_date="2099-12-31", closed_at=school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))
    code, text = refused(lambda: answer(school, session, "bob", take=True))
    assert (code, "is over" in text) == (PRECONDITION, True)
    answer(school, session, "bob", take=False)
    assert (offered(school, session), school.get(session).in_room) == ([], 0)


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


def test_answers_and_expiries_at_once(school: School) -> None:
    """Twenty learners answer, choose and leave while two workers end offers: nothing is
    overbooked, each offer ends once, and nobody waits for a seat that is free and not passed up.
    """
    learners = [f"l{number}" for number in range(20)]
    school.open_run(
        seat_offer_notice=Duration(seconds=86_400), seat_offer_within=Duration(seconds=60)
    )
    school.enrol(*learners)
    session = school.schedule(school.room(capacity=5))
    for learner in learners:
        school.choose(session, learner, IN_ROOM)
    for learner in learners[:3]:
        school.choose(session, learner, NONE)
    school.clock.forward(minutes=1)

    def act(learner: str) -> None:
        if learner.startswith("worker"):
            expire_offers(school.database)
            return
        chance = random.Random(learner)
        answered = sessions_pb2.AnswerOfferRequest(
            session_id=session.id, learner_id=learner, take=chance.random() < 0.5
        )
        chosen = sessions_pb2.ChooseSeatRequest(
            session_id=session.id, learner_id=learner, kind=chance.choice([IN_ROOM, ONLINE, NONE])
        )
        for call, request in ((school.api.AnswerOffer, answered), (school.api.ChooseSeat, chosen)):
            call_it: Any = call
            try:
                call_it(request, None)
            except FailedPrecondition as refusal:
                assert "offer" in str(refusal)  # noqa: PT017

    race(act, ["worker-1", "worker-2", *learners])
    now, seats = school.get(session), school.seats(session)
    held = offered(school, session)
    kinds = Counter(seat.kind for seat in seats)
    assert now.in_room == kinds[IN_ROOM] + len(held) <= 5
    assert now.waitlisted == kinds[WAITLISTED]
    told = Counter(each.learner_id for each in school.published(events_pb2.SeatOffered))
    over = Counter(learner for learner, _ in ended(school))
    assert told - over == Counter(held)
    rows = school.database.mongo["seats"].find({"kind": "WAITLISTED", "offer_expires_at": None})
    freed = school.database.mongo["sessions"].find_one({"_id": session.id})
    assert freed is not None
    assert now.in_room == 5 or all(row["passed"] > freed["freed"] for row in rows)


def test_a_session_that_fails_stops_no_other(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends the offers of other sessions, and tries again the next time."""
    first = near(school, "ada", "bob")
    second = school.schedule(school.room("Lab", 1), instructor_id="bohr", activity_id="lecture")
    for learner in ("cyd", "dan"):
        school.choose(second, learner, IN_ROOM)
    school.choose(first, "ada", NONE)
    school.choose(second, "cyd", NONE)
    school.clock.forward(hours=1)
    expire = offers.expire_offers

    def fail(store: Any, session_id: str) -> bool:
        if session_id == first.id:
            raise RuntimeError
        return expire(store, session_id)

    with monkeypatch.context() as patched:
        patched.setattr("services.sessions.usecases.offers.expire_offers", fail)
        expire_offers(school.database)
    assert (offered(school, first), offered(school, second)) == (["bob"], [])
    expire_offers(school.database)
    assert offered(school, first) == []


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


@only_deep
def test_a_worker_killed_in_the_middle_ends_no_offer_twice(
    school: School, stack: dict[str, str], vhost: str
) -> None:
    """Killed while it ends 600 offers; the next worker ends the others, and each is told once."""
    learners = [f"learner-{number:03d}" for number in range(600)]
    school.enrol(*learners)
    session = school.schedule(school.room(capacity=600))
    for learner in learners:
        offer(school, session, learner)
    left = partial(school.database.mongo["seats"].count_documents, {"offered_by": "curie"})
    with worker(school, stack, vhost) as process:
        eventually(lambda: left() < len(learners))
        process.kill()
    end_transactions(school.database.client, "sessions")
    end_leases(school.database.mongo)
    with worker(school, stack, vhost):
        eventually(lambda: left() == 0)
    assert Counter(ended(school)) == Counter((each, EXPIRED) for each in learners)
    assert school.get(session).in_room == 0
