"""A voided statement leaves nothing behind, whenever it and its voiding come."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.progress.domain.enums import (
    ActivityKind,
    AttendanceStatus,
    ConditionKind,
    EnrolmentState,
    EvidencePolicy,
    Role,
)
from services.progress.domain.events import (
    ActivityReopened,
    CatchUpChanged,
    CatchUpCompleted,
    CatchUpMissed,
    CatchUpReopened,
    PathCompleted,
    StatementVoided,
)
from services.progress.domain.evidence import blank_of
from services.progress.domain.path import Condition, Path, TimeRule
from services.progress.domain.sessions import SessionUpdate
from services.progress.domain.statements import Recorded, Result, Statement
from services.progress.usecases.attendance import learn_attendance
from services.progress.usecases.enrolments import learn_enrolments
from services.progress.usecases.plans import learn_items, learn_paths, learn_runs, learn_sessions
from services.progress.usecases.rebuilds import next_learners, rebuild_learners, start_rebuild
from services.progress.usecases.study import study
from services.progress.usecases.voided import retract
from services.progress.usecases.waiting import look_again
from tests.deep import DEEP, deep
from tests.unit.progress.examples import (
    COMPLETED,
    DAY,
    FAILED,
    HOUR,
    MONDAY,
    PASSED,
    RUN,
    activity,
    said,
    watched,
)
from tests.unit.progress.test_catch_up_machine import (
    ABSENT,
    KEY,
    OPENED,
    POLICY,
    World,
    attendance,
    enrolment,
    item,
    recording,
)

PATH = Path(
    RUN,
    2,
    (
        activity("class", ActivityKind.SESSION),
        activity("essay", deadline=TimeRule(fixed=MONDAY + 2 * DAY)),
        activity("quiz", ActivityKind.CHECKPOINT),
        activity("clip", ActivityKind.ITEM, item_id="film"),
        activity("next", requires=("essay",)),
        activity(
            "last", opens_when=(Condition("quiz", ConditionKind.SCORED, score=0.5),), optional=True
        ),
        activity(
            "seminar",
            opens_when=(Condition("class", ConditionKind.ATTENDED, or_caught_up=True),),
            optional=True,
        ),
    ),
    2,
)
END = MONDAY + 7 * DAY
# What was told, and what only counts how often something was stored.
HISTORY: dict[str, Any] = {
    "dues_told": {},
    "attendance": {},
    "writes": 0,
    "judge_at": None,
    "behind_since": None,
    "behind_reasons": (),
    "listing": None,
}


@dataclass(frozen=True)
class Sent:
    """A statement, when it comes, and when its event is applied."""

    statement: Statement
    at: datetime
    applied_at: datetime
    voided_at: datetime | None = None
    """When the statement that voids it is stored; None: it is not voided."""
    retracted_at: datetime | None = None
    """When the event of the voiding is applied, or later: not before both are stored."""


@dataclass
class Class(World):
    """The world of a catch-up, with more activities, and with sessions' answers to catch-ups."""

    heard: int = 0
    retracted: set[str] = field(default_factory=set)

    def begin(self, evidence: EvidencePolicy = EvidencePolicy.LEARNERS) -> "Class":
        """Ada was absent from a class with a recording."""
        super().begin()
        run = replace(OPENED, policy=replace(POLICY, evidence=evidence), sequence=2)
        learn_runs(self.store, [run])
        learn_paths(self.store, [PATH])
        learn_items(self.store, [item("film", True, 3)])
        learn_sessions(self.store, [recording("film", 4)])
        learn_enrolments(self.store, [enrolment(EnrolmentState.ENROLLED, 2)])
        self.attends(ABSENT)
        return self

    def attends(self, verdict: AttendanceStatus) -> None:
        """Sessions tells Ada's attendance."""
        amended = self.sequence > 10
        news = attendance(verdict, (0, 0), self.next(), amended)
        learn_attendance(self.store, [SessionUpdate("s1", RUN, 1)], [news])

    def hear(self) -> None:
        """Sessions hears of catch-ups, and answers."""
        news = self.store.events[self.heard :]
        self.heard = len(self.store.events)
        for each in news:
            if isinstance(each, CatchUpCompleted):
                self.attends(AttendanceStatus.CAUGHT_UP)
            if isinstance(each, CatchUpReopened):
                self.attends(ABSENT)

    def apply(self, each: Sent) -> None:
        """Apply the event of a statement."""
        study(self.store, [Recorded((each.statement,), each.at)])

    def retract(self, each: Sent) -> None:
        """Apply the event of a voiding, once."""
        said = each.statement
        if said.id not in self.retracted:
            self.retracted.add(said.id)
            named = (said.activity_id, said.item_id)
            retract(self.store, [StatementVoided(said.id, said.learner_id, RUN, *named)])

    def rebuild(self) -> None:
        """Rebuild the run from its statements."""
        start_rebuild(self.store, RUN, "curie")
        while keys := next_learners(self.store, RUN):
            rebuild_learners(self.store, keys)

    def play(self, sent: Sequence[Sent], hears: Callable[[], bool] = lambda: True) -> None:
        """Everything that was sent comes, at its time; then it is quiet until the end."""
        steps: list[tuple[datetime, int, Callable[[Sent], None], Sent]] = []
        for each in sent:
            steps.append((each.at, 0, self._store, each))
            steps.append((each.applied_at, 2, self.apply, each))
            if each.voided_at and each.retracted_at:
                steps.append((max(each.voided_at, each.at), 1, self._void, each))
                told_at = max(each.retracted_at, each.voided_at, each.at)
                steps.append((told_at, 3, self.retract, each))
        for at, _, step, each in sorted(steps, key=lambda step: step[:2]):
            self.store.now = at
            step(each)
            if hears():
                self.hear()
        self.store.now = END
        for _ in range(3):
            look_again(self.store, [KEY])
            self.hear()

    def _store(self, each: Sent) -> None:
        self.store.add_statements([each.statement])

    def _void(self, each: Sent) -> None:
        self.store.voided_ids.add(each.statement.id)

    def end(self) -> dict[str, object]:
        """What is stored of Ada, without what was told to people meanwhile."""
        ada = self.store.learners[KEY]
        evidence = {name: one for name, one in ada.evidence.items() if one != blank_of(one)}
        catch_up = ada.catch_ups["s1"]
        left = round(catch_up.watched_share, 9)
        run_state = ada.run_state
        is_behind = run_state.behind_since is not None
        verdict = {name: one.verdict for name, one in run_state.attendance.items()}
        numbers = run_state.listing and {**run_state.listing.numbers, "BEHIND_SINCE": 0}
        return {
            **_told_apart(replace(run_state, **HISTORY)),
            **_told_apart(replace(catch_up, watched_share=left)),
            "is_behind": is_behind,
            "verdict": verdict,
            "numbers": numbers,
            "evidence": evidence,
            "totals": {name: count for name, count in self.store.totals.items() if count},
        }


def _told_apart(one: Any) -> dict[str, object]:
    return {each.name: getattr(one, each.name) for each in fields(one)}


hours = st.integers(0, 100).map(lambda number: MONDAY + number * HOUR)
ages = st.sampled_from([0, 1, 30]).map(lambda number: number * HOUR)
roles = st.sampled_from([Role.LEARNER, Role.SERVICE])


@st.composite
def statements(draw: st.DrawFn, at: datetime) -> Statement:
    """Something that Ada did, and that comes at an instant."""
    about: dict[str, Any] = {"timestamp": at - draw(ages), "authority": draw(roles)}
    if draw(st.booleans()):
        start = draw(st.integers(0, 5)) * 10
        length = draw(st.sampled_from([50, 100]))
        return watched(f"{start}[.]{min(start + length, 100)}", **about)
    target = draw(st.sampled_from(["essay", "quiz", "next"]))
    verb = draw(st.sampled_from([COMPLETED, PASSED, FAILED]))
    return said(verb, target, Result(scaled_score=draw(st.sampled_from([0.2, 0.8]))), **about)


@st.composite
def sendings(draw: st.DrawFn) -> list[Sent]:
    """Statements in the order of their storing, some of which are voided at any time."""
    sent = []
    for number, at in enumerate(sorted(draw(st.lists(hours, min_size=1, max_size=8)))):
        at += number * HOUR / 100  # a unit of work each
        statement = draw(statements(at))
        if draw(st.booleans()):
            voided_at, applied_at, told_at = draw(hours), draw(hours), draw(hours)
            sent.append(Sent(statement, at, max(at, applied_at), voided_at, told_at))
        else:
            sent.append(Sent(statement, at, at))
    return sent


@deep
@settings(max_examples=2_000 if DEEP else 40, deadline=None)
@given(sendings(), st.sampled_from(list(EvidencePolicy)), st.sets(st.integers(0, 31)))
def test_a_voided_statement_leaves_nothing(
    sent: list[Sent], evidence: EvidencePolicy, heard: set[int]
) -> None:
    """Everything but what was told is as if it had never been: its voiding comes before it or
    later, its event before that of the voiding or later, and sessions answers at any time. A
    rebuild changes nothing more.
    """
    never, voided = Class().begin(evidence), Class().begin(evidence)
    never.play([each for each in sent if each.voided_at is None])
    steps = itertools.count()
    voided.play(sent, lambda: next(steps) in heard)
    assert voided.end() == never.end()
    voided.rebuild()
    voided.hear()
    assert voided.store.known[type(voided.store.rebuild_of(RUN))][RUN].changed == 0
    assert voided.end() == never.end()


@pytest.mark.parametrize("hours_later", [1, 90])
def test_a_catch_up_is_open_again_with_its_due(hours_later: int) -> None:
    """It is told; if the due has passed, as missed."""
    ada = Class().begin()
    due = ada.catch_up.due if ada.catch_up else None
    at = MONDAY + HOUR
    retracted_at = at + hours_later * HOUR
    seen = Sent(watched("0[.]100"), at, at, retracted_at, retracted_at)
    ada.store.now = at
    ada.play([replace(seen, voided_at=None)])
    assert ada.catch_up is not None
    told = len(ada.store.events)
    ada.store.now = retracted_at
    ada.store.voided_ids.add(seen.statement.id)
    ada.retract(seen)
    is_late = hours_later > 72
    news = [type(each) for each in ada.store.events[told:]]
    assert news.count(CatchUpReopened) == news.count(ActivityReopened) == 1
    assert (CatchUpChanged in news, CatchUpMissed in news) == (not is_late, is_late)
    assert (ada.catch_up.is_open, ada.catch_up.due) == (not is_late, due)
    ada.hear()  # sessions answers: ABSENT again
    reopened = [each for each in ada.store.events if isinstance(each, ActivityReopened)]
    assert [each.activity_id for each in reopened] == ["clip", "class"]


def test_what_counted_before_its_own_event_came_is_taken_back() -> None:
    """A catch-up was late; it is in time by a statement that is stored, and whose event has not
    come when sessions answers. The statement is voided: the catch-up is late.
    """
    ada = Class().begin()
    assert ada.catch_up is not None
    late, later = ada.catch_up.due + HOUR / 10, ada.catch_up.due + HOUR / 5
    own_time: dict[str, Any] = {
        "timestamp": ada.catch_up.due - HOUR,
        "authority": Role.LEARNER,
    }
    sent = [
        Sent(watched("0[.]100", timestamp=late), late, late),
        Sent(watched("0[.]100", **own_time), later, later, later, later),
    ]
    steps = itertools.count()
    ada.play(sent, lambda: next(steps) == 2)  # the second is stored, and not voided yet
    in_time = [each.in_time for each in ada.store.events if isinstance(each, CatchUpCompleted)]
    assert in_time == [False, True, False]
    assert (ada.catch_up.in_time, ada.catch_up.completed_at) == (False, late)


def test_a_path_is_completed_since_what_remains() -> None:
    """Of two statements that complete its only activity, the first is voided: nothing is told, and
    the path is completed since the second; without both, it is not.
    """
    ada = Class().begin()
    learn_paths(ada.store, [Path(RUN, 3, (activity("essay"),), 9)])
    sent = [
        Sent(said(COMPLETED, "essay", timestamp=at), at, at, at, at)
        for at in (MONDAY + HOUR, MONDAY + 2 * HOUR)
    ]
    ada.play([replace(each, voided_at=None) for each in sent])
    told = list(ada.store.events)
    for each, since in zip(sent, (MONDAY + 2 * HOUR, None), strict=True):
        assert ada.store.learners[KEY].run_state.path_completed_at == each.at
        ada.store.voided_ids.add(each.statement.id)
        ada.retract(each)
        assert ada.store.learners[KEY].run_state.path_completed_at == since
    assert sum(isinstance(each, PathCompleted) for each in ada.store.events) == 1
    news = [each for each in ada.store.events[len(told) :] if isinstance(each, ActivityReopened)]
    assert [each.activity_id for each in news] == ["essay"]
