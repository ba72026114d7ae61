"""Enrolments of one run against a small model, over any order of what happens to it."""

import itertools
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tandem.catalog.v1 import events_pb2

from chassis.contracts import events
from chassis.data.store import Database
from chassis.errors import FailedPrecondition, NotFound
from services.catalog.domain.enums import AttendanceMode, DeliveryMode, EnrolmentState
from services.catalog.domain.groups import AssignGroup, CreateGroup
from services.catalog.domain.people import Person
from services.catalog.domain.runs import OpenRun, UpdateRun
from services.catalog.store import CatalogStore
from services.catalog.usecases import enrolments, groups, runs
from services.catalog.usecases.courses import CreateCourse, create_course
from services.catalog.usecases.enrolments import ChangeMode, Enrol, Withdraw
from tests.conftest import FakeClock, MakeDatabase
from tests.deep import DEEP, deep

LEARNERS = ("ada", "bob", "cyd", "dan", "eve")
MODES = (AttendanceMode.ONLINE, AttendanceMode.CLASSROOM)
ENROLLED, WAITLISTED = EnrolmentState.ENROLLED, EnrolmentState.WAITLISTED
START, DAYS = "2026-03-02", 90
STATES = {
    events_pb2.EnrolmentCreated: ENROLLED,
    events_pb2.EnrolmentPromoted: ENROLLED,
    events_pb2.EnrolmentWaitlisted: WAITLISTED,
    events_pb2.EnrolmentWithdrawn: EnrolmentState.WITHDRAWN,
}
learners, modes = st.sampled_from(LEARNERS), st.sampled_from(MODES)
_codes = itertools.count()


class Enrolments(RuleBasedStateMachine):
    """A run of three places; the model is who is in, who waits in which order, and their groups."""

    database: ClassVar[Database[CatalogStore]]
    clock: ClassVar[FakeClock]

    def __init__(self) -> None:
        super().__init__()
        database, clock = self.database, self.clock
        database.mongo["outbox"].delete_many({})
        self.run_id = database.transact(self._open).id
        self.groups = [self._group(name) for name in ("A", "B")]
        self.capacity, self.closed = 3, False
        self.ends = clock.now() + timedelta(days=DAYS)
        self.held: list[str] = []
        self.waiting: list[str] = []
        self.modes: dict[str, AttendanceMode] = {}
        self.of_groups: dict[str, tuple[str, ...]] = {}

    def _open(self, store: CatalogStore) -> Any:
        people = [
            Person(
                id=each,
                given_name=each,
                family_name="",
                email=f"{each}@example.edu",
                language="en",
                zone="UTC",
                roles=(),
            )
            for each in LEARNERS
        ]
        store.put_people(people)
        course = create_course(
            store, CreateCourse(code=f"M-{next(_codes)}", title="Motion", description="")
        )
        day = self.clock.now().date()
        return runs.open_run(
            store,
            OpenRun(
                course_id=course.id,
                term="spring",
                title="",
                delivery_mode=DeliveryMode.BLENDED,
                zone="UTC",
                start_date=str(day),
                end_date=str(day + timedelta(days=DAYS)),
                capacity=3,
                instructor_ids=(),
                policy=None,
            ),
        )

    def _group(self, name: str) -> str:
        command = CreateGroup(run_id=self.run_id, name=name)
        return self.database.transact(lambda store: groups.create_group(store, command)).id

    @property
    def is_over(self) -> bool:
        """Whether nobody may come in."""
        ends = self.database.reader().run(self.run_id)
        assert ends is not None
        return self.closed or self.clock.now() >= ends.ends_at

    def _promote(self) -> None:
        while self.waiting and not self.is_over:
            if self.capacity and len(self.held) >= self.capacity:
                return
            self.held.append(self.waiting.pop(0))

    def _do(self, work: Any, allowed: bool) -> None:
        """Do it; it must be refused exactly where the model says so."""
        try:
            self.database.transact(work)
        except (FailedPrecondition, NotFound):
            assert not allowed
        else:
            assert allowed

    @rule(learner=learners, mode=modes)
    def enrol(self, learner: str, mode: AttendanceMode) -> None:
        """A learner comes, or repeats it."""
        is_in = learner in self.held or learner in self.waiting
        command = Enrol(run_id=self.run_id, learner_id=learner, mode=mode)
        self._do(lambda store: enrolments.enrol(store, command), is_in or not self.is_over)
        if is_in or self.is_over:
            return
        full = self.capacity and len(self.held) >= self.capacity
        (self.waiting if full else self.held).append(learner)
        self.modes[learner] = mode

    @rule(learner=learners)
    def withdraw(self, learner: str) -> None:
        """A learner leaves; the first who waits comes in."""
        is_in = learner in self.held or learner in self.waiting
        command = Withdraw(run_id=self.run_id, learner_id=learner)
        self._do(lambda store: enrolments.withdraw(store, command), is_in)
        if is_in:
            (self.held if learner in self.held else self.waiting).remove(learner)
            self._promote()

    @rule(learner=learners, mode=modes)
    def change_mode(self, learner: str, mode: AttendanceMode) -> None:
        """A learner takes part in another way."""
        is_in = learner in self.held or learner in self.waiting
        command = ChangeMode(run_id=self.run_id, learner_id=learner, mode=mode)
        allowed = is_in and not self.closed
        self._do(lambda store: enrolments.change_mode(store, command), allowed)
        if allowed:
            self.modes[learner] = mode

    @rule(learner=learners, wanted=st.sets(st.integers(0, 1)))
    def assign(self, learner: str, wanted: set[int]) -> None:
        """A learner comes into other groups."""
        is_in = learner in self.held or learner in self.waiting
        chosen = tuple(sorted(self.groups[place] for place in wanted))
        command = AssignGroup(run_id=self.run_id, learner_id=learner, group_ids=chosen)
        allowed = is_in and not self.closed
        self._do(lambda store: groups.assign_group(store, command), allowed)
        if allowed:
            self.of_groups[learner] = chosen

    @rule(capacity=st.integers(0, 4))
    def resize(self, capacity: int) -> None:
        """The run gets more places, fewer, or no limit."""
        command = UpdateRun(
            run_id=self.run_id,
            title="",
            start_date="",
            end_date="",
            capacity=capacity,
            policy=None,
            enrolment=None,
        )
        self._do(lambda store: runs.update_run(store, command), not self.closed)
        if not self.closed:
            self.capacity = capacity
            self._promote()

    @rule()
    def close(self) -> None:
        """The run is closed."""
        self.database.transact(lambda store: runs.close_run(store, self.run_id))
        self.closed = True

    @rule()
    def reopen(self) -> None:
        """The run is open again; who waits comes in where there is room."""
        self.database.transact(lambda store: runs.reopen_run(store, self.run_id))
        if self.closed:
            self.closed = False
            self._promote()

    @rule(days=st.sampled_from([1, DAYS, -1]))
    def wait(self, days: int) -> None:
        """Time passes, perhaps beyond the last day; or the clock is set back."""
        self.clock.forward(days=days)

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        """Places, the waiting list and its order, modes, groups, and the run's counters."""
        reader = self.database.reader()
        rows = reader.enrolments(self.run_id, LEARNERS)
        found = {one: row for one, row in rows.items() if row.is_in}
        assert {one for one, row in found.items() if row.state is ENROLLED} == set(self.held)
        order = sorted(self.waiting, key=lambda one: found[one].ticket)
        assert order == self.waiting
        assert {one: row.mode for one, row in found.items()} == {
            one: self.modes[one] for one in found
        }
        assert {one: row.group_ids for one, row in rows.items()} == {
            one: self.of_groups.get(one, ()) for one in rows
        }
        run = reader.run(self.run_id)
        assert run is not None
        if self.capacity:
            assert (run.enrolled, run.waitlisted) == (len(self.held), len(self.waiting))

    @invariant()
    def its_events_tell_the_same(self) -> None:
        """Whoever reads the events, each enrolment's in the order of its sequence, knows it all."""
        told: dict[str, dict[str, Any]] = {}
        numbers: dict[str, list[int]] = {}
        for row in self.database.mongo["outbox"].find().sort([("key", 1), ("sequence", 1)]):
            event = events.read(row["headers"], row["body"])
            data: Any = event.data
            if getattr(data, "run_id", "") != self.run_id or not hasattr(data, "learner_id"):
                continue
            numbers.setdefault(event.partition_key, []).append(event.sequence)
            known = told.setdefault(data.learner_id, {"groups": ()})
            if type(data) in STATES:
                known["state"] = STATES[type(data)]
            if isinstance(data, events_pb2.GroupMemberChanged):
                known["groups"] = tuple(data.group_ids)
        rows = self.database.reader().enrolments(self.run_id, LEARNERS)
        assert told == {
            one: {"state": row.state, "groups": row.group_ids} for one, row in rows.items()
        }
        assert all(each == list(range(1, len(each) + 1)) for each in numbers.values())


@deep
def test_enrolments_follow_the_model(make_database: MakeDatabase, clock: FakeClock) -> None:
    """Whatever happens to a run and its learners, and in whatever order."""
    here = {"database": make_database(CatalogStore), "clock": clock}
    machine: type[RuleBasedStateMachine] = type("OneRun", (Enrolments,), here)
    examples = 120 if DEEP else 4
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30)
    )
