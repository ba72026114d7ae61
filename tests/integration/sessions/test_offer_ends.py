"""What ends the offer of a seat."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition
from services.sessions.usecases import offers
from services.sessions.worker import expire_offers
from tests.deep import only_deep
from tests.integration.processes import eventually
from tests.integration.sessions.school import RUN, School, race, refused, worker
from tests.integration.sessions.test_seat_offers import (
    EXPIRED,
    IN_ROOM,
    LEARNERS,
    NONE,
    ONLINE,
    PRECONDITION,
    WAITLISTED,
    WITHDRAWN,
    Session,
    answer,
    ask,
    ended,
    line,
    near,
    offer,
    offered,
    start,
)
from tests.mongo import end_leases, end_transactions


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
