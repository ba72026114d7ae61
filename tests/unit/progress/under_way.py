"""Ada on her way through a path: the use cases on a store in memory."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    EnrolmentState,
    SessionState,
)
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import EnrolmentUpdate
from services.progress.domain.path import Activity, Path, Policy, Run
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import SessionUpdate
from services.progress.domain.statements import Recorded, Statement
from services.progress.domain.views import ActivityProgress, activity_progress
from services.progress.usecases.attendance import AttendanceUpdate, learn_attendance
from services.progress.usecases.enrolments import (
    ExtensionUpdate,
    learn_enrolments,
    learn_extensions,
)
from services.progress.usecases.plans import learn_paths, learn_runs, learn_sessions
from services.progress.usecases.study import study
from services.progress.usecases.waiting import look_again
from tests.unit.progress.examples import ADA, DAY, HOUR, MONDAY, POLICY, RUN, activity
from tests.unit.progress.memory import MemoryStore

KEY = (RUN, ADA)
E = TypeVar("E")
CLASS = activity("class", ActivityKind.SESSION)
QUIZ = activity("quiz", ActivityKind.CHECKPOINT)


class UnderWay:
    """A run that begins on Monday, with Ada in it since Sunday."""

    def __init__(self, *activities: Activity, policy: Policy = POLICY) -> None:
        self.store = MemoryStore(MONDAY)
        self.sequence = 10
        self.update_run(policy=policy)
        if activities:
            self.publish(1, *activities)
        self.enrol()

    def next(self) -> int:
        """The next event's sequence."""
        self.sequence += 1
        return self.sequence

    def update_run(self, **fields: Any) -> None:
        """The run, with these fields."""
        given = {"policy": POLICY, "start_date": "2026-03-02", **fields}
        learn_runs(self.store, [Run(RUN, "Physics", "UTC", sequence=self.next(), **given)])
        self.settle()

    def publish(self, version: int, *activities: Activity) -> None:
        """A version of the path; its number is the sequence of its event."""
        learn_paths(self.store, [Path(RUN, version, activities, version)])
        self.settle()

    def enrol(self, at: datetime = MONDAY - DAY, state: str = "ENROLLED", **fields: Any) -> None:
        """Ada's enrolment."""
        news = EnrolmentUpdate(RUN, ADA, "e1", self.next(), EnrolmentState(state), at, **fields)
        learn_enrolments(self.store, [news])

    def schedule(self, end: datetime, state: str = "SCHEDULED", **fields: Any) -> None:
        """The class, with its end."""
        given: dict[str, Any] = {"activity_id": "class", "material_item_ids": (), **fields}
        news = SessionUpdate(
            "s1",
            RUN,
            self.next(),
            start_time=end - HOUR,
            end_time=end,
            state=SessionState(state),
            **given,
        )
        learn_sessions(self.store, [news])
        self.settle()

    def attend(self, verdict: AttendanceStatus) -> None:
        """Ada's attendance in the class."""
        number = self.next()
        learn_attendance(
            self.store,
            [SessionUpdate("s1", RUN, number)],
            [AttendanceUpdate(RUN, "s1", ADA, verdict, number, amended=True)],
        )

    def say(self, *statements: Statement) -> None:
        """Statements about Ada."""
        study(self.store, [Recorded(statements, self.store.now)])

    def extend(self, activity_id: str, until: datetime) -> None:
        """More time for an activity."""
        news = ExtensionUpdate(RUN, ADA, activity_id, until, self.next())
        learn_extensions(self.store, [news])

    def wait(self, time: timedelta) -> None:
        """Let time go by, with the timer of what is to tell."""
        self.store.now += time
        at = self.learner.run_state.next_due_at
        if at is not None and at <= self.store.now:
            look_again(self.store, [KEY])

    def settle(self) -> None:
        """Evaluate who is behind."""
        asks = self.store.histories[RUN].asks
        look_again(self.store, self.store.learners_behind(RUN, asks, 9))

    def told(self, cls: type[E]) -> list[E]:
        """The events of a kind since they were last asked for."""
        found = [each for each in self.store.events if isinstance(each, cls)]
        self.store.events = [each for each in self.store.events if not isinstance(each, cls)]
        return found

    @property
    def learner(self) -> Learner:
        """Ada."""
        return self.store.learners[KEY]

    @property
    def plan(self) -> Plan:
        """The run's plan."""
        return self.store.plans([RUN])[RUN]

    def rows(self) -> dict[str, ActivityProgress]:
        """Ada's progress, by activity."""
        rows = activity_progress(self.learner, self.plan, self.store.now)
        return {row.activity_id: row for row in rows}
