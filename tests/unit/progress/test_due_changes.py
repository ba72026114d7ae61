"""Each change of a due is told once, with its cause."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chassis.civil import Calendar
from services.progress.domain.dues import Dues
from services.progress.domain.enums import DueCause
from services.progress.domain.events import DueChange, DuesChanged
from services.progress.domain.path import Activity, CivilRule, TimeRule
from services.progress.domain.plan_history import KEPT
from services.progress.usecases import plans
from services.progress.usecases.waiting import look_again
from tests.unit.progress.examples import COMPLETED, DAY, HOUR, MONDAY, RUN, activity, after, said
from tests.unit.progress.under_way import CLASS, KEY, UnderWay

DUE = MONDAY + 7 * DAY
ESSAY = activity("essay", deadline=TimeRule(fixed=DUE))
REVIEW = activity("review", deadline=after("essay", 2 * DAY), optional=True)
REPORT = activity("report", deadline=after("class", DAY))


def changes(ada: UnderWay) -> list[DueChange]:
    """The changes that were told since this was last asked."""
    return [each for news in ada.told(DuesChanged) for each in news.changes]


def short(ada: UnderWay) -> dict[str, tuple[float | None, float | None, str]]:
    """The changes in short: the old and the new due in days after Monday, and the cause."""
    return {
        each.activity_id: (days(each.old_due), days(each.new_due), str(each.cause))
        for each in changes(ada)
    }


def days(at: datetime | None) -> float | None:
    """An instant in days after Monday."""
    return (at - MONDAY) / DAY if at else None


def moved(activity_: Activity, days_later: float) -> Activity:
    """The activity with a deadline at another instant."""
    return replace(activity_, deadline=TimeRule(fixed=DUE + days_later * DAY))


def test_an_extension_tells_the_activity_and_what_depends_on_it() -> None:
    """With the activity that was extended, also of an optional one that depends on it."""
    ada = UnderWay(ESSAY, REVIEW, activity("other", deadline=TimeRule(fixed=DUE)))
    assert changes(ada) == []
    ada.extend("essay", DUE + DAY)
    because = (DueCause.EXTENSION, "essay")
    assert changes(ada) == [
        DueChange("essay", "Essay", DUE, DUE + DAY, *because),
        DueChange("review", "Review", DUE + 2 * DAY, DUE + 3 * DAY, *because),
    ]
    look_again(ada.store, [KEY])
    assert changes(ada) == []


def test_a_class_tells_why_it_moves_dues() -> None:
    """Scheduled, moved and cancelled, with the class; a cancelled one keeps its due."""
    ada = UnderWay(CLASS, REPORT)
    ada.schedule(MONDAY + DAY)
    scheduled = DueCause.SESSION_SCHEDULED
    new = MONDAY + 2 * DAY
    assert changes(ada) == [DueChange("report", "Report", None, new, scheduled, "class", "s1")]
    ada.schedule(MONDAY + 3 * DAY)
    assert short(ada) == {"report": (2, 4, "SESSION_MOVED")}
    ada.schedule(MONDAY + 3 * DAY, "CANCELLED")
    assert changes(ada) == []


def test_a_cancelled_class_moves_the_due_to_the_class_that_is_left() -> None:
    """The last of two classes was to be later."""
    ada = UnderWay(CLASS, REPORT)
    ada.schedule(MONDAY + DAY)
    other = {**ada.store.known_sessions, "s2": replace(ada.store.known_sessions["s1"], id="s2")}
    ada.store.known_sessions = other
    ada.schedule(MONDAY + 5 * DAY)
    changes(ada)
    ada.schedule(MONDAY + 5 * DAY, "CANCELLED")
    assert short(ada) == {"report": (6, 2, "SESSION_CANCELLED")}


def test_a_new_version_of_the_path_tells_its_number() -> None:
    """Of a due that moves, a new one, and one that is gone."""
    ada = UnderWay(ESSAY, moved(activity("gone"), 1))
    ada.publish(2, moved(ESSAY, 2), moved(activity("new"), 3))
    because = {"cause": DueCause.PATH_PUBLISHED, "path_version": 2}
    assert changes(ada) == [
        DueChange("essay", "Essay", DUE, DUE + 2 * DAY, **because),  # type: ignore[arg-type]
        DueChange("gone", "", DUE + DAY, None, **because),  # type: ignore[arg-type]
        DueChange("new", "New", None, DUE + 3 * DAY, **because),  # type: ignore[arg-type]
    ]
    ada.publish(2, moved(ESSAY, 9))
    assert changes(ada) == []


def test_a_return_into_the_run_is_a_cause() -> None:
    """Dues count from the new enrolment."""
    ada = UnderWay(activity("essay", deadline=TimeRule(after_enrolment=3 * DAY)))
    ada.enrol(state="WITHDRAWN")
    ada.enrol(at=MONDAY)
    assert short(ada) == {"essay": (2, 3, "ENROLMENT")}


def test_an_update_of_the_run_is_a_cause() -> None:
    """A holiday makes a due a day later; an update that moves no due tells nothing."""
    civil = CivilRule(days_after_enrolment=3, working_days=True)
    ada = UnderWay(activity("essay", deadline=TimeRule(civil=civil)))
    ada.update_run(holidays=("2026-03-03",))
    assert [each.cause for each in changes(ada)] == [DueCause.RUN_UPDATED]
    ada.update_run(holidays=("2026-03-03", "2026-05-04"))
    assert changes(ada) == []


def test_new_data_of_the_zone_are_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the new data, an evening is an hour earlier."""
    rule = TimeRule(civil=CivilRule(date="2026-03-10", time="18:00"))
    ada = UnderWay(activity("essay", deadline=rule))
    known = Calendar.due
    monkeypatch.setattr(Calendar, "due", lambda *given: known(*given) - HOUR)
    monkeypatch.setattr(ada.store, "note_zone_data", list)
    plans.apply_zone_data(ada.store, [RUN])
    ada.settle()
    assert [each.cause for each in changes(ada)] == [DueCause.ZONE_DATA]


def test_other_groups_are_a_cause() -> None:
    """The class of the new group ends on another day."""
    ada = UnderWay(CLASS, REPORT)
    ada.schedule(MONDAY + DAY, group_ids=("a",))
    ada.enrol(group_ids=("a",))
    one = ada.store.known_sessions["s1"]
    later = replace(one, id="s2", group_ids=("b",), end_time=MONDAY + 4 * DAY)
    ada.store.known_sessions = {"s1": one, "s2": later}
    changes(ada)
    ada.enrol(group_ids=("b",))
    assert short(ada) == {"report": (2, 5, "GROUPS")}


def test_nothing_is_told_of_what_is_completed_past_or_over() -> None:
    """Nor when a completion is taken back later: the due that moved meanwhile is known."""
    ada = UnderWay(ESSAY, moved(activity("past"), -8))
    ada.say(said(COMPLETED, "essay"))
    ada.publish(2, moved(ESSAY, 1), moved(activity("past"), -9))
    assert changes(ada) == []
    ada.publish(3, moved(ESSAY, 1), moved(activity("past"), 0))
    assert short(ada) == {"past": (-2, 7, "PATH_PUBLISHED")}
    ada.update_run(closed_at=MONDAY)
    ada.publish(4, moved(ESSAY, 2), moved(activity("past"), 2))
    assert changes(ada) == []


def test_the_first_dues_of_a_learner_are_no_change() -> None:
    """Whatever came first, the enrolment or the path; nor are those of an older version's."""
    ada = UnderWay()
    ada.publish(1, ESSAY)
    assert changes(ada) == []
    state = replace(ada.learner.run_state, path_seen=None, dues_known={})
    ada.store.learners[KEY] = replace(ada.learner, run_state=state)
    look_again(ada.store, [KEY])
    assert changes(ada) == []
    assert ada.learner.run_state.dues_known == {"essay": DUE}


def test_who_is_far_behind_is_told_a_cause_all_the_same() -> None:
    """Of more changes than the history keeps, the version of the path is still known."""
    ada = UnderWay(ESSAY)
    ada.settle = lambda: None  # type: ignore[method-assign]
    ada.publish(2, moved(ESSAY, 3))
    for day in range(KEPT + 1):
        ada.update_run(holidays=(f"2026-04-{day + 1:02}",))
    look_again(ada.store, [KEY])
    assert short(ada) == {"essay": (7, 10, "PATH_PUBLISHED")}


def test_an_extension_of_a_class_moves_nothing_that_counts_from_its_end() -> None:
    """What counts from the class is not told as extended, though its path leads there."""
    ada = UnderWay(replace(CLASS, deadline=after("essay", DAY)), ESSAY, REPORT)
    ada.schedule(MONDAY + DAY)
    changes(ada)
    ada.extend("essay", DUE + DAY)
    assert list(short(ada)) == ["class", "essay"]
    ada.schedule(MONDAY + 2 * DAY)
    assert short(ada) == {"report": (2, 3, "SESSION_MOVED")}


class Changes(RuleBasedStateMachine):
    """Whatever moves: what was told adds up to the dues that hold, and each change has a cause."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = UnderWay(CLASS, ESSAY, REVIEW, REPORT)
        self.told = dict(self.ada.learner.run_state.dues_known)
        self.version = 1

    @rule(days_later=st.integers(1, 5))
    def extend(self, days_later: int) -> None:
        """The essay is extended."""
        self.ada.extend("essay", DUE + days_later * DAY)

    @rule(day=st.integers(2, 9), state=st.sampled_from(["SCHEDULED", "CANCELLED"]))
    def schedule(self, day: int, state: str) -> None:
        """The class is at another time, or called off."""
        self.ada.schedule(MONDAY + day * DAY, state)

    @rule(days_later=st.integers(0, 3), drop=st.booleans())
    def publish(self, days_later: int, drop: bool) -> None:
        """A new version moves the essay, and may lack the review."""
        self.version += 1
        rest = (CLASS, REPORT) if drop else (CLASS, REPORT, REVIEW)
        self.ada.publish(self.version, moved(ESSAY, days_later), *rest)

    @rule()
    def look(self) -> None:
        """Nothing is told twice."""
        look_again(self.ada.store, [KEY])

    @invariant()
    def what_was_told_is_so(self) -> None:
        """The changes lead from what was told to what holds."""
        for each in changes(self.ada):
            assert self.told.get(each.activity_id) == each.old_due != each.new_due
            if each.new_due is None:
                del self.told[each.activity_id]
            else:
                self.told[each.activity_id] = each.new_due
        dues = Dues(self.ada.plan, self.ada.learner.run_state)
        holds = {each: dues.of(each).at for each in self.ada.plan.activities}
        assert self.told == {each: at for each, at in holds.items() if at}


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
