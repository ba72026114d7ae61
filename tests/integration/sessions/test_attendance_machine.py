"""Attendance of one session against a small model, over any order of what happens to it."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from chassis.errors import DomainError
from services.sessions.domain import finalising
from services.sessions.domain.enums import AttendanceStatus, PresenceKind
from services.sessions.domain.presence import PresenceEvent, PresenceRow, RecordPresence
from services.sessions.usecases import live
from services.sessions.usecases.attendance import CorrectAttendance, correct_attendance
from services.sessions.usecases.catch_ups import CatchUp, note_catch_up
from services.sessions.usecases.presence import record_presence
from services.sessions.worker import finalise_next
from tests.deep import DEEP, deep
from tests.integration.sessions.school import School

LEARNERS = ("ada", "bob", "cyd")
GROUP = "group"
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ABSENT, PARTIAL, PRESENT, EXCUSED, CAUGHT_UP = (
    AttendanceStatus.ABSENT,
    AttendanceStatus.PARTIAL,
    AttendanceStatus.PRESENT,
    AttendanceStatus.EXCUSED,
    AttendanceStatus.CAUGHT_UP,
)
BY_QUARTERS = (ABSENT, PARTIAL, PARTIAL, PRESENT, PRESENT)
ONLINE, SELF_PACED = types_pb2.ATTENDANCE_MODE_ONLINE, types_pb2.ATTENDANCE_MODE_SELF_PACED
learners = st.sampled_from(LEARNERS)
_numbers = itertools.count()


@dataclass
class Facts:
    """What is true of a learner, whenever it became known."""

    enrolled: bool = False
    comes: bool = True
    """Whether the learner usually comes or joins."""
    member: bool = False
    expected: bool = False
    """Whether the learner was expected at the end."""
    quarters: set[int] = field(default_factory=set)
    correction: AttendanceStatus | None = None
    caught_up: bool = False
    catch_ups: int = 0
    """Events of the catch-up."""

    @property
    def status(self) -> AttendanceStatus | None:
        """The attendance that follows; None for none."""
        by_presence = BY_QUARTERS[len(self.quarters)]
        there = by_presence is not ABSENT
        if not (self.expected or there or self.caught_up or self.correction):
            return None
        status = self.correction or by_presence
        return CAUGHT_UP if self.caught_up and status in (ABSENT, PARTIAL) else status


class AttendanceOfOne(RuleBasedStateMachine):
    """A session of an hour for a group; the model is the facts on each learner."""

    school: ClassVar[School]

    def __init__(self) -> None:
        super().__init__()
        number = next(_numbers)
        self.name, self.group = f"run-{number}", f"{GROUP}-{number}"
        mongo = self.school.database.mongo
        for name in ("outbox", "settlements"):
            mongo[name].delete_many({})
        self.start = BEGIN + timedelta(days=number)
        self.school.clock.at = self.start
        self.school.open_run(self.name)
        self.school.hear(
            "rosters", catalog.GroupChanged(group_id=self.group, run_id=self.name, name="A")
        )
        self.session_id = self.school.schedule(
            "",
            run_id=self.name,
            kind=types_pb2.SESSION_KIND_ONLINE,
            starts=types_pb2.CivilTime(
                local=self.start.replace(tzinfo=None).isoformat(timespec="seconds"), zone="UTC"
            ),
            group_ids=[self.group],
        ).id
        self.school.database.transact(lambda store: live.start(store, self.session_id))
        self.school.clock.forward(hours=1)
        self.facts = {one: Facts() for one in LEARNERS}
        self.ended = False
        for learner in LEARNERS:
            self.enrol(learner)
            self.change_group(learner, True)

    @initialize(there=st.dictionaries(learners, st.integers(0, 3)), parts=st.integers(0, 3))
    def begin(self, there: dict[str, int], parts: int) -> None:
        """Some were there; often the session has ended, and some are settled already."""
        for learner, quarter in there.items():
            self.attend(learner, quarter)
        if parts:
            self.end()
            self.settle(parts - 1)

    @rule(learner=learners)
    def enrol(self, learner: str) -> None:
        """A learner comes into the run, or comes back."""
        created = catalog.EnrolmentCreated(
            enrolment_id=learner, run_id=self.name, learner_id=learner, mode=ONLINE
        )
        self.school.hear("rosters", created)
        self.facts[learner].enrolled = self.facts[learner].comes = True

    @rule(learner=learners)
    def withdraw(self, learner: str) -> None:
        """A learner leaves the run."""
        gone = catalog.EnrolmentWithdrawn(
            enrolment_id=learner, run_id=self.name, learner_id=learner
        )
        self.school.hear("rosters", gone)
        self.facts[learner].enrolled = False

    @rule(learner=learners, comes=st.booleans())
    def change_mode(self, learner: str, comes: bool) -> None:
        """A learner takes part in another way from now."""
        changed = catalog.EnrolmentModeChanged(
            enrolment_id=learner,
            run_id=self.name,
            learner_id=learner,
            to_mode=ONLINE if comes else SELF_PACED,
        )
        self.school.hear("rosters", changed)
        self.facts[learner].comes = comes

    @rule(learner=learners, is_member=st.booleans())
    def change_group(self, learner: str, is_member: bool) -> None:
        """A learner comes into the session's group, or leaves it."""
        changed = catalog.GroupMemberChanged(
            enrolment_id=learner,
            run_id=self.name,
            learner_id=learner,
            group_ids=[self.group] if is_member else [],
        )
        self.school.hear("rosters", changed)
        self.facts[learner].member = is_member

    @rule(learner=learners, quarter=st.integers(0, 3))
    def attend(self, learner: str, quarter: int) -> None:
        """A learner was there for a quarter of an hour; it is told at any time, also twice."""
        began = self.start + quarter * QUARTER
        pair = ((PresenceKind.LEFT, began + QUARTER), (PresenceKind.JOINED, began))
        rows = tuple(
            PresenceRow(PresenceEvent(learner, kind, at, f"quarter-{quarter}")) for kind, at in pair
        )
        command = RecordPresence(self.session_id, rows)
        results = self.school.database.transact(lambda store: record_presence(store, command))
        facts = self.facts[learner]
        assert [bool(result.violations) for result in results] == [not facts.enrolled] * 2
        if facts.enrolled:
            facts.quarters.add(quarter)

    @rule(minutes=st.sampled_from([-20, 20]))
    def step(self, minutes: int) -> None:
        """The clock is set: nothing depends on it any more."""
        self.school.clock.forward(minutes=minutes)

    @rule()
    def end(self) -> None:
        """The session ends; who is expected now was expected."""
        self.school.database.transact(lambda store: live.end(store, self.session_id))
        if not self.ended:
            self.ended = True
            for facts in self.facts.values():
                facts.expected = facts.enrolled and facts.comes and facts.member

    @rule(parts=st.integers(1, 2))
    def settle(self, parts: int) -> None:
        """The worker does the next part, or several."""
        for _ in range(parts):
            self.school.make_due()
            finalise_next(self.school.database)

    @rule(learner=learners, verdict=st.sampled_from([None, ABSENT, PARTIAL, PRESENT, EXCUSED]))
    def correct(self, learner: str, verdict: AttendanceStatus | None) -> None:
        """Staff correct an attendance that is settled, or take the correction back."""
        facts = self.facts[learner]
        command = CorrectAttendance(self.session_id, learner, verdict, "seen in the room")
        allowed = self._is_settled(learner) and (facts.enrolled or facts.status is not None)
        try:
            self.school.database.transact(lambda store: correct_attendance(store, command, "curie"))
        except DomainError:
            assert not allowed
            return
        assert allowed
        facts.correction = verdict

    @rule(learner=learners, is_studied=st.booleans())
    def catch_up(self, learner: str, is_studied: bool) -> None:
        """A learner has studied the catch-up, or has not after all."""
        facts = self.facts[learner]
        if not (is_studied or facts.catch_ups):
            return
        command = CatchUp(self.session_id, learner, facts.catch_ups + 1, is_studied)
        try:
            self.school.database.transact(lambda store: note_catch_up(store, command))
        except DomainError:
            assert not self._is_settled(learner)
            return
        facts.caught_up, facts.catch_ups = is_studied, facts.catch_ups + 1

    def _is_settled(self, learner: str) -> bool:
        settlement = self.school.database.mongo["settlements"].find_one({"_id": self.session_id})
        if not self.ended:
            return False
        return settlement is None or settlement["passed"] or learner <= settlement["after"]

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        """As soon as a learner's attendance is settled; its events tell the same."""
        rows = self.school.database.reader().attendance(self.session_id, LEARNERS)
        told = self._told()
        for learner, facts in self.facts.items():
            if self._is_settled(learner):
                wanted = facts.status
                row = rows.get(learner)
                assert (row.verdict if row else None) == wanted, learner
                assert told.get(learner) == wanted, learner

    def _told(self) -> dict[str, str | None]:
        """Each learner's attendance by the events: what was amended last, or else settled."""
        settled: dict[str, str | None] = {}
        amended: dict[str, tuple[int, str | None]] = {}
        for row in self.school.database.mongo["outbox"].find().sort("_id"):
            event = events.read(row["headers"], row["body"])
            data: Any = event.data
            if isinstance(data, events_pb2.AttendanceSettled):
                settled |= {one.learner_id: _verdict(one.verdict) for one in data.learners}
            if isinstance(data, events_pb2.AttendanceAmended | events_pb2.AttendanceCorrected):
                amended[data.learner_id] = max(
                    amended.get(data.learner_id, (0, None)),
                    (event.sequence, _verdict(data.to_verdict)),
                    key=lambda each: each[0],
                )
        return settled | {one: verdict for one, (_, verdict) in amended.items()}


def _verdict(value: "types_pb2.AttendanceVerdict.ValueType") -> str | None:
    name = types_pb2.AttendanceVerdict.Name(value).removeprefix("ATTENDANCE_VERDICT_")
    return None if name == "UNSPECIFIED" else name


@deep
def test_attendance_follows_the_model(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes known of learners, before the end, while it is settled, and later."""
    monkeypatch.setattr("services.sessions.usecases.finalising.LEARNERS", 2)
    monkeypatch.setattr(finalising, "LEARNERS", 2)
    machine: type[RuleBasedStateMachine] = type("One", (AttendanceOfOne,), {"school": school})
    examples = 120 if DEEP else 4
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30)
    )
