"""Seats of one session against a small model, over any order of what happens to them."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from chassis.data.pages import Page
from chassis.errors import FailedPrecondition
from services.sessions.domain.enums import CivilTime, SeatKind
from services.sessions.domain.offers import AnswerOffer, OfferSeat
from services.sessions.domain.planning import Move
from services.sessions.domain.seats import ChooseSeat
from services.sessions.domain.swaps import RequestSwap, WithdrawSwap
from services.sessions.queries import swaps_page
from services.sessions.store import SessionsStore
from services.sessions.usecases.offers import answer_offer, offer_seat
from services.sessions.usecases.planning import move
from services.sessions.usecases.seats import choose_seat
from services.sessions.usecases.swaps import request_swap, withdraw_swap
from services.sessions.worker import expire_offers
from tests.deep import DEEP, deep
from tests.integration.sessions.school import School

LEARNERS = ("ada", "bob", "cyd", "dan")
GROUP = "group"
IN_ROOM, ONLINE, WAITLISTED = SeatKind.IN_ROOM, SeatKind.ONLINE, SeatKind.WAITLISTED
NONE = (None, None)
ONLINE_SEATS = 2
ROOMS = (1, 2, 3)
IN_TURN, OUT_OF_TURN = "in turn", "out of turn"
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
learners = st.sampled_from(LEARNERS)
_names = itertools.count()


class Seats(RuleBasedStateMachine):
    """A session for a group, in a room of one seat and with two seats online. The model is who has
    which seat and which is kept meanwhile, in the order of the waiting list; who wants to be asked,
    who is offered a seat, who has passed up what is free, and who wants to swap since when.
    """

    school: ClassVar[School]

    def __init__(self) -> None:
        super().__init__()
        number = next(_names)
        self.name = f"run-{number}"
        self.school.clock.at = BEGIN
        self.school.database.mongo["outbox"].delete_many({})
        self.school.open_run(self.name)
        self.group = f"{GROUP}-{self.name}"
        self.hear(catalog.GroupChanged(group_id=self.group, run_id=self.name, name="A"))
        self.rooms = {
            seats: self.school.room(f"{self.name} of {seats}", capacity=seats) for seats in ROOMS
        }
        self.start = BEGIN + timedelta(days=number + 4)
        self.session_id = self.school.schedule(
            self.rooms[1],
            run_id=self.name,
            starts=types_pb2.CivilTime(local=self._local(), zone="UTC"),
            online_seats=ONLINE_SEATS,
            group_ids=[self.group],
        ).id
        self.places, self.is_past_cutoff = 1, False
        self.enrolled: set[str] = set()
        self.members: set[str] = set()
        self.seats: dict[str, tuple[SeatKind | None, SeatKind | None]] = {}
        self.line: list[str] = []
        self.asks: set[str] = set()
        self.passed: set[str] = set()
        self.offers: dict[str, str] = {}
        self.swaps: dict[str, datetime] = {}
        for learner in LEARNERS:
            self.enrol(learner)
            self.change_group(learner, True)

    def _local(self) -> str:
        return self.start.replace(tzinfo=None).isoformat(timespec="seconds")

    def hear(self, data: Any) -> None:
        """Apply an event of another service."""
        self.school.hear("rosters", data)

    def _taken(self, kind: SeatKind) -> int:
        return sum(kind in seat for seat in self.seats.values())

    def _has_free_seat(self) -> bool:
        return self._taken(IN_ROOM) + len(self.offers) < self.places

    def _put(self, learner: str, seat: tuple[SeatKind | None, SeatKind | None]) -> None:
        if self.seats.get(learner, NONE)[0] is IN_ROOM:
            self.passed.clear()
        self._forget({learner})
        if seat[0] is WAITLISTED:
            self.line.append(learner)
        self.seats[learner] = seat
        self._fill()

    def _forget(self, gone: set[str]) -> None:
        self.line = [one for one in self.line if one not in gone]
        self.asks -= gone
        self.passed -= gone
        for one in gone:
            self.seats.pop(one, None)
            self.offers.pop(one, None)
            self.swaps.pop(one, None)

    def _fill(self) -> None:
        """Free seats go to the first who waits: given, or offered to who asked for it."""
        for learner in [*self.line]:
            is_eligible = learner not in self.offers and learner not in self.passed
            if not is_eligible or not self._has_free_seat():
                continue
            if learner not in self.asks:
                self._forget({learner})
                self.seats[learner] = (IN_ROOM, None)
            elif not self.is_past_cutoff:
                self.offers[learner] = IN_TURN

    def _pass(self, learner: str) -> None:
        """Who does not take an offer goes to the end of the line, unless it was out of turn."""
        kind = self.offers.pop(learner)
        if learner in self.line:
            self.passed.add(learner)
            if kind == IN_TURN:
                self.line.remove(learner)
                self.line.append(learner)
                self.swaps.pop(learner, None)

    @rule(learner=learners)
    def enrol(self, learner: str) -> None:
        """A learner comes into the run."""
        self.hear(
            catalog.EnrolmentCreated(
                enrolment_id=learner,
                run_id=self.name,
                learner_id=learner,
                mode=types_pb2.ATTENDANCE_MODE_ONLINE,
            )
        )
        self.enrolled.add(learner)

    @rule(gone=st.sets(learners, min_size=1))
    def withdraw(self, gone: set[str]) -> None:
        """Learners leave the run, all in one batch: none of them may get another's seat."""
        left = [
            catalog.EnrolmentWithdrawn(enrolment_id=one, run_id=self.name, learner_id=one)
            for one in sorted(gone)
        ]
        self.school.hear("rosters", *left)
        self.enrolled -= gone
        self._free(gone)

    @rule(learner=learners, is_member=st.booleans())
    def change_group(self, learner: str, is_member: bool) -> None:
        """A learner comes into the session's group, or goes to another."""
        groups = [self.group] if is_member else ["other"]
        self.hear(
            catalog.GroupMemberChanged(
                enrolment_id=learner, run_id=self.name, learner_id=learner, group_ids=groups
            )
        )
        if is_member:
            self.members.add(learner)
            return
        self.members.discard(learner)
        self._free({learner})

    def _free(self, gone: set[str]) -> None:
        seated = {one for one in gone if self.seats.get(one, NONE)[0] is IN_ROOM}
        self._forget(gone - seated)
        self._fill()
        if seated:
            self.passed.clear()
        self._forget(seated)
        self._fill()

    @rule(learner=learners, kind=st.sampled_from([IN_ROOM, ONLINE, None]), asks=st.booleans())
    def choose(self, learner: str, kind: SeatKind | None, asks: bool) -> None:
        """A learner takes a seat, changes it or gives it up; where that is wrong it is refused."""
        before = self.seats.get(learner, NONE)
        full = self._taken(ONLINE) >= ONLINE_SEATS and ONLINE not in before
        allowed = (
            learner in self.enrolled
            and (kind is None or learner in self.members)
            and not self.is_past_cutoff
            and not (kind is ONLINE and full)
        )
        command = ChooseSeat(self.session_id, learner, kind, asks)
        if self._is_done(lambda store: choose_seat(store, command), allowed):
            self._choose(learner, kind, asks)

    def _choose(self, learner: str, kind: SeatKind | None, asks: bool) -> None:
        before, is_offered = self.seats.get(learner, NONE), learner in self.offers
        if kind is IN_ROOM and before[0] is not IN_ROOM:
            self._choose_room(learner, before, asks)
        elif (kind, None) != before or (kind is None and is_offered):
            self._put(learner, (kind, None))

    def _choose_room(
        self, learner: str, before: tuple[SeatKind | None, SeatKind | None], asks: bool
    ) -> None:
        if learner in self.offers or self._has_free_seat():
            self._put(learner, (IN_ROOM, None))
            return
        if before[0] is not WAITLISTED:
            self._put(learner, (WAITLISTED, before[0]))
        self.asks = self.asks | {learner} if asks else self.asks - {learner}

    @rule(learner=learners)
    def offer(self, learner: str) -> None:
        """Staff offer a free seat out of turn; where that is wrong it is refused."""
        allowed = (
            learner in self.enrolled
            and learner in self.members
            and not self.is_past_cutoff
            and self._has_free_seat()
            and learner not in self.offers
            and self.seats.get(learner, NONE)[0] is not IN_ROOM
        )
        command = OfferSeat(self.session_id, learner, "a wheelchair")
        if self._is_done(lambda store: offer_seat(store, command, "curie"), allowed):
            self.offers[learner] = OUT_OF_TURN

    @rule(learner=learners, take=st.booleans())
    def answer(self, learner: str, take: bool) -> None:
        """A learner takes or declines an offer; without one it is refused."""
        command = AnswerOffer(self.session_id, learner, take)
        if not self._is_done(lambda store: answer_offer(store, command), learner in self.offers):
            return
        if take:
            self._put(learner, (IN_ROOM, None))
        else:
            self._pass(learner)
            self._fill()

    def _place(self, learner: str) -> SeatKind | None:
        kind, holds = self.seats.get(learner, NONE)
        return holds if kind is WAITLISTED else kind

    @rule(learner=learners, kind=st.sampled_from([IN_ROOM, ONLINE]))
    def request_swap(self, learner: str, kind: SeatKind) -> None:
        """A learner asks for a seat of the other kind; where that is wrong it is refused."""
        has_free = self._has_free_seat() if kind is IN_ROOM else self._taken(ONLINE) < ONLINE_SEATS
        allowed = (
            learner in self.enrolled
            and learner in self.members
            and not self.is_past_cutoff
            and learner not in self.offers
            and self._place(learner) not in (None, kind)
            and not has_free
        )
        command = RequestSwap(self.session_id, learner, "", kind)
        is_done = self._is_done(lambda store: request_swap(store, command), allowed)
        if is_done and learner not in self.swaps:
            self._swap(learner, kind)

    @precondition(lambda _: DEEP)
    @rule(order=st.permutations(LEARNERS))
    def crowd(self, order: list[str]) -> None:
        """Learners take the seats that there are, and two want what the other has."""
        for learner, kind in zip(order, (IN_ROOM, ONLINE, ONLINE), strict=False):
            self.choose(learner, kind, False)
        for learner, kind in zip(order, (ONLINE, IN_ROOM), strict=False):
            self.request_swap(learner, kind)

    def _swap(self, learner: str, kind: SeatKind) -> None:
        """The first who gives what is wanted matches; who is offered a seat meanwhile does not."""
        given = self._place(learner)
        for other in sorted(self.swaps, key=lambda one: (self.swaps[one], one)):
            if self._place(other) is kind and other not in self.offers:
                self._forget({learner, other})
                self.seats |= {learner: (kind, None), other: (given, None)}
                return
            if self._place(other) is kind:
                del self.swaps[other]
        self.swaps[learner] = self.school.clock.at

    @rule(learner=learners)
    def withdraw_swap(self, learner: str) -> None:
        """A learner withdraws a request, unless it can't match now."""
        if learner in self.swaps:
            command = WithdrawSwap(self.session_id, learner)
            self.school.database.transact(lambda store: withdraw_swap(store, command))
            if learner not in self.offers:
                del self.swaps[learner]

    def _is_done(self, act: Callable[[SessionsStore], object], allowed: bool) -> bool:
        """Do what is done or refused, as the model says."""
        try:
            self.school.database.transact(act)
        except FailedPrecondition:
            assert not allowed
            return False
        assert allowed
        return True

    @rule()
    def let_offers_expire(self) -> None:
        """The time to answer is over, and the worker ends the offers, first come first."""
        self._go_to(min(self.school.clock.at + timedelta(hours=2), self._after_cutoff))

    @property
    def _after_cutoff(self) -> datetime:
        return self.start - timedelta(minutes=30)

    def _go_to(self, instant: datetime) -> None:
        self.school.clock.at = instant
        self.is_past_cutoff = instant >= self.start - timedelta(hours=1)
        turns = {row["learner_id"]: (row["turn"], row["_id"]) for row in self._rows()}
        expire_offers(self.school.database)
        for learner in sorted(self.offers, key=turns.__getitem__):
            self._pass(learner)
        self._fill()

    @rule(seats=st.sampled_from(ROOMS))
    def move(self, seats: int) -> None:
        """The session gets another room, unless more seats are taken than it has."""
        starts = CivilTime(self._local(), "UTC")
        command = Move(
            session_id=self.session_id,
            starts=starts,
            duration=None,
            room_id=self.rooms[seats],
            reason="",
        )
        allowed = self._taken(IN_ROOM) + len(self.offers) <= seats
        if self._is_done(lambda store: move(store, command), allowed) and seats != self.places:
            self.places = seats
            self.passed.clear()
            self._fill()

    @rule()
    def pass_the_cutoff(self) -> None:
        """From an hour before the start nobody chooses or is asked; freed seats still go to who
        waits.
        """
        self._go_to(self._after_cutoff)

    def _rows(self) -> list[dict[str, Any]]:
        query = {"session_id": self.session_id}
        return list(self.school.database.mongo["seats"].find(query).sort("turn"))

    @invariant()
    def they_are_as_the_model_says(self) -> None:
        """Each seat, what is kept meanwhile, the waiting list's order, and the counters."""
        session = self.school.database.reader().session_by_id(self.session_id)
        assert session is not None
        rows = self._rows()
        found = {row["learner_id"]: (row["kind"], row["holds"]) for row in rows if row["kind"]}
        wanted = {one: seat for one, seat in self.seats.items() if seat != NONE}
        assert found == wanted
        assert [row["learner_id"] for row in rows if row["kind"] == WAITLISTED] == self.line
        assert {row["learner_id"] for row in rows if row["offer_expires_at"]} == {*self.offers}
        counted = (session.in_room, session.online, session.waitlisted)
        room = self._taken(IN_ROOM) + len(self.offers)
        assert counted == (room, self._taken(ONLINE), len(self.line))
        assert session.in_room <= session.room_seats == self.places
        assert session.online <= ONLINE_SEATS

    @invariant()
    def open_requests_are_as_the_model_says(self) -> None:
        """Nobody's who is offered a seat, and nobody's after the cut-off."""
        rows, _ = swaps_page(self.school.database.reader(), self.name, "", Page())
        wanted = set[str]() if self.is_past_cutoff else {*self.swaps} - {*self.offers}
        assert {each.learner_id for each in rows} == wanted

    @invariant()
    def its_events_tell_the_same(self) -> None:
        """Whoever reads each learner's events in their order knows each seat."""
        told: dict[str, int] = {}
        offered = set[str]()
        for row in self.school.database.mongo["outbox"].find().sort([("key", 1), ("sequence", 1)]):
            data: Any = events.read(row["headers"], row["body"]).data
            is_of_seat = isinstance(data, events_pb2.SeatTaken | events_pb2.SeatPromoted)
            if is_of_seat and data.session_id == self.session_id:
                told[data.learner_id] = data.kind
            if isinstance(data, events_pb2.SeatOffered) and data.session_id == self.session_id:
                assert data.learner_id not in offered
                offered.add(data.learner_id)
            if isinstance(data, events_pb2.SeatOfferEnded) and data.session_id == self.session_id:
                offered.remove(data.learner_id)
        assert offered == {*self.offers}
        found = {one: seat[0] for one, seat in self.seats.items() if seat[0]}
        assert {one: kind for one, kind in told.items() if kind} == {
            one: types_pb2.SeatKind.Value(f"SEAT_KIND_{kind}") for one, kind in found.items()
        }


@deep
def test_seats_follow_the_model(school: School) -> None:
    """Whatever learners choose and whoever leaves, and in whatever order."""
    machine: type[RuleBasedStateMachine] = type("OneSession", (Seats,), {"school": school})
    examples = 120 if DEEP else 4
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30)
    )
