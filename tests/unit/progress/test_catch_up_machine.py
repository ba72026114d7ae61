"""One catch-up of one learner, through everything that may happen to it, against a small model.

The model keeps the facts, and counts seconds: which the learner was there for, which the learner
watched of which recording, and by when. The use cases run on a store in memory.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.progress.domain.catch_ups import CatchUp, catch_up_id
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    CatchUpState,
    EnrolmentState,
    ItemKind,
    PartialAttendance,
    Role,
    SessionState,
    Stretch,
)
from services.progress.domain.events import CatchUpAssigned, CatchUpWithdrawn
from services.progress.domain.learner_run_state import EnrolmentUpdate
from services.progress.domain.path import Path, Policy, Run
from services.progress.domain.sessions import Item, RecordedPart, SessionUpdate
from services.progress.domain.statements import Recorded, Statement
from services.progress.ports import Store
from services.progress.usecases.attendance import AttendanceUpdate, learn_attendance
from services.progress.usecases.catch_ups import (
    ExtendCatchUp,
    WaiveCatchUp,
    extend_catch_up,
    waive_catch_up,
)
from services.progress.usecases.enrolments import learn_enrolments
from services.progress.usecases.plans import learn_items, learn_paths, learn_runs, learn_sessions
from services.progress.usecases.study import study
from services.progress.usecases.waiting import look_again
from tests.deep import DEEP
from tests.unit.progress.examples import ADA, DAY, HOUR, MONDAY, RUN, activity, watched
from tests.unit.progress.memory import MemoryStore

KEY, LENGTH = (RUN, ADA), 100
POLICY = Policy(
    catch_up_within=3 * DAY,
    partial_attendance=PartialAttendance.CATCH_UP,
    evidence_within=2 * DAY,
)
OPENED = Run(RUN, "Physics", "UTC", POLICY, 1)
PATH = Path(RUN, 1, (activity("class", ActivityKind.SESSION),), 1)
PARTIAL, ABSENT = AttendanceStatus.PARTIAL, AttendanceStatus.ABSENT
EXCUSED = AttendanceStatus.EXCUSED
ASSIGNED, COMPLETED, MISSED = CatchUpState
# Of a length that agrees, and one that is too short.
LENGTHS = {"film": LENGTH, "again": LENGTH, "short": LENGTH // 2}
BOUNDS = st.tuples(st.integers(0, 5), st.integers(5, 10)).map(
    lambda pair: (pair[0] * 10, pair[1] * 10)
)


@dataclass
class World:
    """The use cases on a store in memory, with sequences of events that grow."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(MONDAY))
    sequence: int = 10

    def begin(self) -> "World":
        """The run, its path and its class."""
        learn_runs(self.store, [OPENED])
        learn_paths(self.store, [PATH])
        learn_sessions(
            self.store,
            [
                SessionUpdate(
                    "s1",
                    RUN,
                    1,
                    activity_id="class",
                    start_time=MONDAY - HOUR,
                    end_time=MONDAY,
                    state=SessionState.ENDED,
                    ended_at=MONDAY,
                    recorded=True,
                    material_item_ids=(),
                )
            ],
        )
        return self

    def next(self) -> int:
        """The next event's sequence."""
        self.sequence += 1
        return self.sequence

    def settle(self) -> None:
        """The timers: who is behind is evaluated again, and dues pass."""
        asks = self.store.histories[RUN].asks
        look_again(self.store, self.store.learners_behind(RUN, asks, 9))
        one = self.catch_up
        if one is not None and one.is_open and one.due < self.store.now:
            look_again(self.store, [KEY])

    @property
    def catch_up(self) -> CatchUp | None:
        """Ada's catch-up, if there is one."""
        return self.store.catch_up(catch_up_id("s1", ADA))


def attendance(
    verdict: AttendanceStatus | None, there: tuple[int, int], sequence: int, amended: bool
) -> AttendanceUpdate:
    """Ada's attendance; of PARTIAL, when she was there."""
    told = (Stretch(float(there[0]), float(there[1])),) if verdict is PARTIAL else ()
    return AttendanceUpdate(RUN, "s1", ADA, verdict, sequence, amended, attended=told)


def enrolment(state: EnrolmentState, sequence: int) -> EnrolmentUpdate:
    """Ada has a place, or no more."""
    return EnrolmentUpdate(RUN, ADA, "e1", sequence, state, MONDAY - DAY)


def recording(item_id: str, sequence: int, offset: int = 0) -> SessionUpdate:
    """The class has a recording."""
    start = timedelta(seconds=offset)
    return SessionUpdate("s1", RUN, sequence, recorded_parts=(RecordedPart(item_id, start),))


def item(item_id: str, available: bool, sequence: int) -> Item:
    """A recording can be played, or is refused."""
    seconds = float(LENGTHS[item_id]) if available else 0.0
    return Item(item_id, ItemKind.RECORDING, seconds, available, sequence)


def send(store: Store, statements: Sequence[Statement]) -> None:
    """Record statements, and apply their event."""
    store.add_statements(statements)
    study(store, [Recorded(tuple(statements), store.now)])


class Machine(RuleBasedStateMachine):
    """Everything that may happen to a catch-up while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World().begin()
        self.store = self.world.store
        self.enrolled = self.waived = False
        self.over_at: datetime | None = None
        self.verdict: AttendanceStatus | None = None
        self.there: set[int] = set()
        self.recordings: dict[str, int] = {}
        self.available: dict[str, bool] = {}
        self.lengths: dict[str, int] = {}
        self.seen: list[tuple[str, set[int], datetime]] = []
        self.sent: list[Statement] = []
        self.ever_enough = self.ever_in_time = False
        self.past_dues = set[datetime]()
        self.told = 0

    # What happens

    @initialize()
    def come(self) -> None:
        """Ada has a place, and was absent from a class with a recording."""
        self.has_place(True)
        for item_id in ("film", "again"):
            self.processes(item_id, True)
        self.records("film", 0)
        self.attends(ABSENT, (0, 0), False)

    @rule(has_place=st.sampled_from([True, True, False]))
    def has_place(self, has_place: bool) -> None:
        """Ada enrols, or withdraws."""
        state = EnrolmentState.ENROLLED if has_place else EnrolmentState.WITHDRAWN
        learn_enrolments(self.store, [enrolment(state, self.world.next())])
        self.enrolled = has_place

    @rule(
        verdict=st.sampled_from([PARTIAL, PARTIAL, PARTIAL, ABSENT, EXCUSED]),
        there=BOUNDS,
        amended=st.just(True),
    )
    def attends(self, verdict: AttendanceStatus, there: tuple[int, int], amended: bool) -> None:
        """The attendance is final, amended, or corrected."""
        news = attendance(verdict, there, self.world.next(), amended)
        learn_attendance(self.store, [SessionUpdate("s1", RUN, 1)], [news])
        self.verdict = verdict
        self.there = set(range(*there)) if verdict is PARTIAL else set()

    @rule(item_id=st.sampled_from(sorted(LENGTHS)), offset=st.sampled_from([-10, 0, 10]))
    def records(self, item_id: str, offset: int) -> None:
        """A recording is attached, replaced, or its offset corrected."""
        learn_sessions(self.store, [recording(item_id, self.world.next(), offset)])
        self.recordings.pop(item_id, None)
        self.recordings[item_id] = offset

    @rule(
        item_id=st.sampled_from(sorted(LENGTHS)),
        available=st.integers(0, 3).map(bool),
    )
    def processes(self, item_id: str, available: bool) -> None:
        """The library tells of a recording."""
        learn_items(self.store, [item(item_id, available, self.world.next())])
        self.available[item_id] = available
        if available:
            self.lengths[item_id] = LENGTHS[item_id]

    @rule(
        item_id=st.sampled_from(sorted(LENGTHS)),
        part=BOUNDS,
        hours=st.sampled_from([0, 12, 36, 60]),
    )
    def watches(self, item_id: str, part: tuple[int, int], hours: int) -> None:
        """Ada's device sends what it saw so many hours ago."""
        own = self.store.now - timedelta(hours=hours)
        said = watched(f"{part[0]}[.]{part[1]}", item_id, timestamp=own, authority=Role.LEARNER)
        send(self.store, [said])
        self.sent.append(said)
        counts = own if self.store.now - own <= 2 * DAY else self.store.now
        self.seen.append((item_id, set(range(*part)), counts))

    @precondition(lambda self: bool(self.sent))
    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        """A statement's event comes again."""
        said = data.draw(st.sampled_from(self.sent))
        study(self.store, [Recorded((said,), self.store.stored[said.id].at)])

    @rule(hours=st.sampled_from([1, 12, 75, -2]))
    def time_passes(self, hours: int) -> None:
        """Or the clock is set back; and the timers run after this, as after every step."""
        self.store.now += timedelta(hours=hours)

    @precondition(lambda self: self._can_be_decided_on())
    @rule()
    def is_extended(self) -> None:
        """Staff give a day more."""
        one = self.world.catch_up
        assert one is not None
        until = max(one.due, self.store.now) + DAY
        extend_catch_up(self.store, ExtendCatchUp(one.id, until, "ill"), "curie")

    @precondition(lambda self: self._can_be_decided_on())
    @rule(really=st.sampled_from([False] * 9 + [True]))
    def is_waived(self, really: bool) -> None:
        """Staff let her off it."""
        one = self.world.catch_up
        assert one is not None
        if really:
            waive_catch_up(self.store, WaiveCatchUp(one.id, "ill"), "curie")
            self.waived = True

    @precondition(lambda self: self.store.now > MONDAY + 5 * DAY)
    @rule(closed=st.booleans())
    def run_closes(self, closed: bool) -> None:
        """The run is closed, or goes on after all."""
        self.over_at = self.store.now if closed else None
        run = replace(OPENED, closed_at=self.over_at, sequence=self.world.next())
        learn_runs(self.store, [run])

    # What must hold

    @invariant()
    def holds(self) -> None:
        """After each step and the timers."""
        before = self.world.catch_up
        self.world.settle()
        one = self.world.catch_up
        assert all(len(each.catch_ups) <= 1 for each in self.store.learners.values())
        if one is None:
            assert before is None
            assert not (self._is_missed() and self._substitute()) or self.over_at
            return
        if self.store.now > one.due:
            self.past_dues.add(one.due)  # what was missed stays so when the clock is set back
        self.ever_enough |= self._enough(one)
        self.ever_in_time |= self._enough(one, one.due)
        self._check(one)
        self._check_events()

    def _check(self, one: CatchUp) -> None:
        # After the run's end nothing is assigned, also not what was withdrawn before.
        is_late = self.over_at is not None and (one.dropped or one.due >= self.over_at)
        outlives = one.state is ASSIGNED and is_late
        applies = self._is_missed() and not self.waived and not outlives
        assert one.dropped is not applies
        if one.dropped:
            return
        if one.state is COMPLETED:
            assert self.ever_enough
            assert not one.in_time or self.ever_in_time
            assert one.in_time or not self._enough(one, one.due)
        else:
            assert not self._enough(one)
            assert (one.state is MISSED) == (one.due in self.past_dues)
            if self.available.get(one.item_ids[0]):  # else its length is not known
                assert abs(one.watched_share - self._share(one)) < 1e-9
            substitute = self._substitute()
            assert not substitute or one.item_ids == (substitute,)
        counts = self.store.totals
        in_time = one.state is COMPLETED and one.in_time
        assert counts["open_catch_ups"] == int(one.state is ASSIGNED)
        assert counts["completed_catch_ups"] == int(in_time)
        assert counts["missed_catch_ups"] == int(not in_time and one.state is not ASSIGNED)

    def _check_events(self) -> None:
        """Assigned and withdrawn take turns."""
        turns = [
            type(each)
            for each in self.store.events
            if isinstance(each, CatchUpAssigned | CatchUpWithdrawn)
        ]
        assert all(one is not other for one, other in itertools.pairwise(turns))

    # The model

    def _is_missed(self) -> bool:
        return self.enrolled and self.verdict in (ABSENT, PARTIAL)

    def _substitute(self) -> str:
        last = list(self.recordings)[-1] if self.recordings else ""
        return last if self.available.get(last) else ""

    def _covered(self, item_id: str, by: datetime | None) -> set[int]:
        """The seconds of a recording that Ada was there for, or watched."""
        length, offset = self.lengths.get(item_id, 0), self.recordings[item_id]
        covered = {second - offset for second in self.there}
        earlier = list(self.recordings)[: list(self.recordings).index(item_id)]
        for seen, seconds, at in self.seen:
            if by is not None and at > by:
                continue
            if seen == item_id:
                covered |= seconds
            elif seen in earlier and self.lengths.get(seen) == length:
                # What the earlier one tells is within its own length, too.
                covered |= {second + self.recordings[seen] - offset for second in seconds}
        return {second for second in covered if 0 <= second < length}

    def _share(self, one: CatchUp, by: datetime | None = None) -> float:
        [item_id] = one.item_ids
        return len(self._covered(item_id, by)) / LENGTHS[item_id]

    def _enough(self, one: CatchUp, by: datetime | None = None) -> bool:
        [item_id] = one.item_ids
        is_there = self.enrolled and self.available.get(item_id, False)
        return is_there and self._share(one, by) + 1e-9 >= POLICY.watched_share

    def _can_be_decided_on(self) -> bool:
        one = self.world.catch_up
        usable = one is not None and not one.dropped and one.state is not COMPLETED
        return usable and self.over_at is None


Machine.TestCase.settings = settings(
    max_examples=150 if DEEP else 50, stateful_step_count=25, deadline=None
)


TestMachine = Machine.TestCase
