"""What learners are told of dues: each once, and nothing that is not so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.progress.domain import due_news
from services.progress.domain.due_news import News
from services.progress.domain.enums import ActivityKind, EnrolmentState
from services.progress.domain.events import DueApproaching, DueMissed, DueRetracted
from services.progress.domain.learner_run_state import Extension, LearnerRunState
from services.progress.domain.path import Run, TimeRule
from services.progress.domain.plan import Plan
from services.progress.domain.plan_history import PlanHistory
from tests.deep import DEEP
from tests.unit.progress.examples import (
    DAY,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    after,
    plan,
    run_state,
    session,
)

DUE = MONDAY + 7 * DAY
ESSAY = activity("essay", deadline=TimeRule(fixed=DUE))
SECOND = timedelta(seconds=1)
ONE = plan(ESSAY)


def fresh(**fields: Any) -> LearnerRunState:
    """Ada, who is told of dues since she came."""
    return run_state(**{"dues_since": MONDAY - DAY, **fields})


def run_with(**fields: Any) -> Run:
    """The run with other fields."""
    return replace(ONE.run, **fields)


def told(
    state: LearnerRunState, now: datetime, one: Plan = ONE
) -> tuple[LearnerRunState, list[str]]:
    """The state after the news at an instant, and the news in short."""
    state, news = due_news.told(state, one, now)
    return state, [short(each) for each in news]


def short(news: News) -> str:
    """One of the news in short."""
    kind = type(news).__name__.removeprefix("Due").lower()
    was = f" {'missed' if news.missed else 'approaching'}" if isinstance(news, DueRetracted) else ""
    return f"{kind}{was} {(news.due - MONDAY) / DAY:g}"


def test_a_due_approaches_a_day_before_and_is_missed_just_after_it() -> None:
    """Each once; the instant of the due is inside; until then nothing is to do."""
    state, news = told(fresh(), MONDAY)
    assert (news, state.next_due_at) == ([], DUE - DAY)
    state, news = told(state, DUE - DAY)
    assert (news, state.next_due_at) == (["approaching 7"], DUE + due_news.AFTER)
    state, news = told(state, DUE)
    assert (news, state.next_due_at) == ([], DUE + due_news.AFTER)
    state, news = told(state, DUE + due_news.AFTER)
    assert (news, state.next_due_at) == (["missed 7"], None)
    assert told(state, DUE + DAY) == (state, [])


def test_news_name_the_activity_and_its_learner() -> None:
    """So that whoever hears them needs no other service."""
    _, (news,) = due_news.told(fresh(), ONE, DUE - HOUR)
    assert news == DueApproaching("e1", RUN, "ada", "essay", "Essay", DUE)


@pytest.mark.parametrize(
    ("notice", "at"), [(2 * HOUR, DUE - 2 * HOUR), (timedelta(), None), (None, DUE - DAY)]
)
def test_the_policy_says_how_long_before(notice: timedelta | None, at: datetime | None) -> None:
    """A day if it says nothing; nothing approaches where it says none."""
    one = replace(ONE, run=run_with(policy=replace(POLICY, due_notice=notice)))
    state, _ = told(fresh(), MONDAY, one)
    assert state.next_due_at == (at or DUE + due_news.AFTER)
    assert told(state, DUE - HOUR, one)[1] == (["approaching 7"] if at else [])


@pytest.mark.parametrize(
    ("state", "one"),
    [
        (fresh(), plan(replace(ESSAY, optional=True))),
        (fresh(completed={"essay": MONDAY}), ONE),
        (fresh(state=EnrolmentState.WITHDRAWN), ONE),
        (fresh(), replace(ONE, run=run_with(closed_at=MONDAY))),
        (fresh(), replace(ONE, run=run_with(ends_at=DUE - 2 * DAY))),
        (fresh(), plan(activity("essay"))),
    ],
)
def test_nothing_is_told_of_what_is_not_required_or_over(state: LearnerRunState, one: Plan) -> None:
    """Optional or completed activities, a learner who left, a closed run, one past its end."""
    for now in (DUE - HOUR, DUE + HOUR):
        after_it, news = told(state, now, one)
        assert (news, after_it.next_due_at) == ([], None)


def test_what_was_due_before_the_end_of_the_run_is_missed_even_if_it_is_told_after_it() -> None:
    """What was due at its end is not: as with catch-ups."""
    for ends_at, expected in ((DUE + SECOND, ["missed 7"]), (DUE, [])):
        one = replace(ONE, run=run_with(ends_at=ends_at))
        state, _ = told(fresh(), DUE - HOUR, one)
        assert (state.next_due_at is None) is not bool(expected)
        assert told(state, DUE + DAY, one)[1] == expected


def test_old_dues_are_no_news() -> None:
    """Neither to who came after them, nor to whom an older version enrolled."""
    late = fresh(dues_since=DUE + HOUR)
    assert told(late, DUE + 2 * HOUR)[1] == []
    old = due_news.since(run_state(), run_state(), DUE - HOUR)
    assert old.dues_since == DUE - HOUR
    assert told(old, DUE - HOUR)[1] == ["approaching 7"]
    seen = due_news.since(run_state(), run_state(), DUE + HOUR)
    assert told(seen, DUE + 2 * HOUR)[1] == []
    assert due_news.since(run_state(), old, DUE + DAY) == old


def test_who_comes_is_told_of_dues_since_the_enrolment_however_late_its_event_is() -> None:
    """And so is who comes back."""
    before = LearnerRunState(RUN, "ada")
    came = due_news.since(before, run_state(enrolled_at=MONDAY), DUE + DAY)
    assert came.dues_since == MONDAY
    assert told(came, DUE + DAY)[1] == ["missed 7"]
    left = replace(came, state=EnrolmentState.WITHDRAWN)
    assert due_news.since(came, left, DUE) == left
    back = replace(left, state=EnrolmentState.ENROLLED, enrolled_at=DUE + DAY)
    assert due_news.since(left, back, DUE + 2 * DAY).dues_since == DUE + DAY


def extended(state: LearnerRunState, days: float) -> LearnerRunState:
    """Ada with more time for the essay."""
    return replace(state, extensions={"essay": Extension(MONDAY + days * DAY, 1)})


def test_a_missed_due_is_retracted_when_it_moves_and_told_again_later() -> None:
    """It approaches again, and is missed again."""
    state, _ = told(fresh(), DUE + HOUR)
    state, news = told(extended(state, 9), DUE + HOUR)
    assert (news, state.next_due_at) == (["retracted missed 7"], MONDAY + 8 * DAY)
    state, news = told(state, MONDAY + 8.5 * DAY)
    assert news == ["approaching 9"]
    state, news = told(state, MONDAY + 10 * DAY)
    assert news == ["missed 9"]
    state, news = told(extended(state, 9.5), MONDAY + 10 * DAY)
    assert news == ["retracted missed 9", "missed 9.5"]


def test_what_moves_to_an_earlier_instant_stays_missed() -> None:
    """Nothing is told of it: it is missed all the same, also when it moves back."""
    state, _ = told(extended(fresh(), 9), MONDAY + 10 * DAY)
    earlier, news = told(replace(state, extensions={}), MONDAY + 10 * DAY)
    assert news == []
    assert told(extended(earlier, 9), MONDAY + 11 * DAY)[1] == []


def test_a_due_that_approached_is_told_again_where_it_moved_to_and_once_where_it_was() -> None:
    """Moved later, and back: the first instant was told already."""
    state, _ = told(fresh(), DUE - HOUR)
    state, news = told(extended(state, 9), DUE - HOUR)
    assert news == ["retracted approaching 7"]
    state, news = told(replace(state, extensions={}), DUE - HOUR)
    assert (news, state.next_due_at) == ([], DUE + due_news.AFTER)


@pytest.mark.parametrize(
    ("done_at", "expected"),
    [(DUE - HOUR, ["retracted missed 7"]), (DUE, ["retracted missed 7"]), (DUE + SECOND, [])],
)
def test_late_evidence_of_work_in_time_retracts(done_at: datetime, expected: list[str]) -> None:
    """What was completed late stays missed."""
    state, _ = told(fresh(), DUE + HOUR)
    state, news = told(replace(state, completed={"essay": done_at}), DUE + DAY)
    assert news == expected
    assert told(state, DUE + 2 * DAY) == (state, [])


def test_what_approached_is_retracted_when_it_is_completed_or_goes() -> None:
    """So that nobody is reminded of it; the title is not known any more."""
    state, _ = told(fresh(), DUE - HOUR)
    assert told(replace(state, completed={"essay": DUE}), DUE)[1] == ["retracted approaching 7"]
    _, (news,) = due_news.told(state, plan(), DUE - HOUR)
    assert news == DueRetracted("e1", RUN, "ada", "essay", "", DUE, missed=False)


def test_dues_are_computed_only_where_something_may_be_to_tell() -> None:
    """Not in the review of a statement that completes nothing."""
    seen = fresh(plan_version=1, path_seen=1, next_due_at=DUE)
    assert not due_news.is_needed(seen, replace(seen, last_seen_at=DUE), ONE, DUE - SECOND)
    assert due_news.is_needed(seen, seen, ONE, DUE)
    changes: tuple[dict[str, Any], ...] = (
        {"completed": {}},
        {"extensions": {}},
        {"dues_since": MONDAY},
        {"state": EnrolmentState.WITHDRAWN},
    )
    for each in changes:
        assert due_news.is_needed(seen, replace(seen, **each), ONE, MONDAY)
    ahead = replace(ONE, history=PlanHistory(RUN, version=2, asks=2))
    assert due_news.is_needed(seen, seen, ahead, MONDAY)


def test_what_would_be_missed_is_looked_for_first() -> None:
    """Only when its instant has come."""
    state, _ = told(fresh(), DUE - HOUR)
    assert list(due_news.overdue(state, ONE, DUE)) == []
    (found,) = due_news.overdue(state, ONE, DUE + HOUR)
    assert (found.activity, found.due) == (ESSAY, DUE)
    missed, _ = told(state, DUE + HOUR)
    assert list(due_news.overdue(replace(missed, next_due_at=DUE), ONE, DUE + HOUR)) == []


class Term(RuleBasedStateMachine):
    """A term in which classes move, staff extend, learners study, and clocks step."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.end, self.is_there = MONDAY, MONDAY + 3 * DAY, True
        self.state = fresh()
        self.news: list[News] = []
        self.version = 1
        self._review()

    @property
    def plan(self) -> Plan:
        """The plan: an essay at a fixed time, and homework that counts from a class."""
        class_ = activity("class", ActivityKind.SESSION, optional=True)
        homework = activity("homework", deadline=after("class", DAY))
        some = (ESSAY, class_, homework) if self.is_there else (class_, homework)
        return plan(
            *some,
            sessions=(session(end_time=self.end),),
            history=PlanHistory(RUN, version=self.version, asks=self.version),
        )

    def _review(self, state: LearnerRunState | None = None) -> None:
        before, after_it = self.state, state or self.state
        if due_news.is_needed(before, after_it, self.plan, self.now):
            after_it, news = due_news.told(after_it, self.plan, self.now)
            self.news += news
        self.state = replace(after_it, plan_version=self.version)

    @rule(hours=st.integers(1, 60))
    def passes(self, hours: int) -> None:
        """Time passes; the timer comes when something is to tell."""
        until = self.now + hours * HOUR
        while self.state.next_due_at is not None and self.state.next_due_at <= until:
            self.now = max(self.now, self.state.next_due_at)
            self._review()
            assert self.state.next_due_at is None or self.state.next_due_at > self.now
        self.now = until

    @rule(hours=st.integers(-6, 90))
    def steps(self, hours: int) -> None:
        """The platform is away for some time, or its clock is set back: the timer comes only
        afterwards.
        """
        self.now += hours * HOUR
        self._review()

    @rule(days=st.integers(2, 5))
    def moves(self, days: int) -> None:
        """The class moves, and maybe back."""
        self.end = MONDAY + days * DAY
        self.version += 1
        self._review()

    @rule(is_there=st.booleans())
    def publishes(self, is_there: bool) -> None:
        """The path gets a version, with the essay or without it."""
        self.is_there = is_there
        self.version += 1
        self._review()

    @rule(name=st.sampled_from(["essay", "homework"]), days=st.integers(3, 9))
    def extends(self, name: str, days: int) -> None:
        """Staff give more time, or less again."""
        known = self.state.extensions.get(name)
        until = MONDAY + days * DAY
        extension = Extension(until, known.sequence + 1 if known else 1)
        self._review(replace(self.state, extensions={**self.state.extensions, name: extension}))

    @rule(name=st.sampled_from(["essay", "homework"]), ago=st.integers(0, 96))
    def completes(self, name: str, ago: int) -> None:
        """Evidence arrives, of a while ago."""
        if name not in self.state.completed:
            done = {**self.state.completed, name: self.now - ago * HOUR}
            self._review(replace(self.state, completed=done))

    @rule(name=st.sampled_from(["essay", "homework"]))
    def reopens(self, name: str) -> None:
        """A completion is taken back."""
        left = {each: at for each, at in self.state.completed.items() if each != name}
        self._review(replace(self.state, completed=left))

    @rule()
    def repeats(self) -> None:
        """A review for any other reason tells nothing."""
        before = len(self.news)
        self._review()
        assert len(self.news) == before

    @invariant()
    def each_is_told_once(self) -> None:
        """Once approaching for one instant; missed again only after a retraction."""
        for name in ("essay", "homework"):
            own = [each for each in self.news if each.activity_id == name]
            near = [each.due for each in own if isinstance(each, DueApproaching)]
            assert len(near) == len(set(near))
            standing: News | None = None
            for each in own:
                if isinstance(each, DueRetracted):
                    assert standing is not None
                    assert (standing.due, isinstance(standing, DueMissed)) == (
                        each.due,
                        each.missed,
                    )
                    standing = None
                else:
                    assert not isinstance(standing, DueMissed)
                    standing = each
            self._stands(name, standing)

    def _stands(self, name: str, standing: News | None) -> None:
        """What stands is so: by the plan as it is, computed without what was told."""
        due = dict(self._dues()).get(name)
        done = self.state.completed.get(name)
        missed = isinstance(standing, DueMissed)
        if missed:
            assert due is not None
            assert due <= self.now
            assert done is None or done > due
        elif isinstance(standing, DueApproaching):
            assert (standing.due, done) == (due, None)
        since = self.state.dues_since or self.now
        if due is not None and done is None and since < due < self.now:
            assert missed

    def _dues(self) -> Iterator[tuple[str, datetime]]:
        rules = {"homework": self.end + DAY} | ({"essay": DUE} if self.is_there else {})
        for name, at in rules.items():
            extension = self.state.extensions.get(name)
            yield name, max(at, extension.until) if extension else at


Term.TestCase.settings = settings(
    max_examples=60 if DEEP else 30, stateful_step_count=25, deadline=None
)
TestTerm = Term.TestCase
