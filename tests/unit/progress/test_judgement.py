"""Who is falling behind: what the rule is asked, when, and what is told."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.progress.domain import judgement
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.due_news import AFTER
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceMode,
    AttendanceStatus,
    CatchUpState,
    SessionPurpose,
)
from services.progress.domain.events import LearnerFellBehind, LearnerRecovered
from services.progress.domain.falling_behind import ReasonKind
from services.progress.domain.judgement import AGAIN_AFTER, GRACE, NEVER, SETTLE, RunSilence
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import Attendance, LearnerRunState
from services.progress.domain.path import TimeRule
from services.progress.ports import Turn
from services.progress.usecases.falling_behind import counted_silences
from services.progress.usecases.waiting import take_turns
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    plan,
    run_state,
    said,
    session,
)
from tests.unit.progress.under_way import KEY, UnderWay

ABSENT, PRESENT = AttendanceStatus.ABSENT, AttendanceStatus.PRESENT
EXCUSED = AttendanceStatus.EXCUSED
OVERDUE, LATE_WORK, ABSENCES, UNWATCHED, SILENCE = ReasonKind
BEGINS = MONDAY - 9 * HOUR
LATE = MONDAY + 10 * DAY
ESSAY = activity("essay", deadline=TimeRule(fixed=MONDAY + 2 * DAY))
MORE = activity("more")


class Judged(UnderWay):
    """Ada, with the timer that judges her."""

    def __init__(self, *activities: Any, **fields: Any) -> None:
        super().__init__(*activities, **fields)
        self.seen_daily = True

    def wait(self, time: timedelta) -> None:
        """Let time go by, a day at a time, in which Ada does something unless she is silent."""
        end = self.store.now + time
        while self.store.now < end:
            super().wait(min(DAY, end - self.store.now))
            self.judge()
            if self.seen_daily:
                self.say(said(PAUSED, "more", timestamp=self.store.now))

    def judge(self) -> None:
        """What the timer does."""
        at = self.state.judge_at
        if self.state.is_enrolled and (at is None or at <= self.store.now):
            self.take_turn()

    def take_turn(self) -> None:
        """The timer comes to her."""
        self.store.put_silences(counted_silences(self.store, {RUN}))
        take_turns(self.store, [Turn(KEY, self.state.judge_at)])

    @property
    def state(self) -> LearnerRunState:
        """Ada's state."""
        return self.learner.run_state

    @property
    def kinds(self) -> list[ReasonKind]:
        """Why she is behind."""
        return [each.kind for each in self.state.behind_reasons]


PAUSED = "https://w3id.org/xapi/video/verbs/paused"


def test_nobody_is_behind_in_the_first_days_and_then_it_is_told_once() -> None:
    """With the reason and its numbers; the timer comes back when the first days are over."""
    ada = Judged(ESSAY, MORE)
    assert ada.state.judge_at == BEGINS + GRACE
    ada.wait(GRACE - 10 * HOUR)
    assert (ada.state.behind_since, ada.told(LearnerFellBehind)) == (None, [])
    ada.wait(10 * HOUR)
    ada.wait(3 * DAY)
    (event,) = ada.told(LearnerFellBehind)
    assert (event.enrolment_id, event.run_id, event.learner_id) == ("e1", RUN, ADA)
    assert [(each.kind, each.value) for each in event.reasons] == [(OVERDUE, 1)]
    assert event.since == event.at == MONDAY + GRACE  # a day later at most
    assert ada.state.behind_since == event.since


def test_who_comes_late_has_the_first_days_too() -> None:
    """Dues that were past when a learner came are never counted."""
    ada = Judged(ESSAY, activity("next", deadline=TimeRule(fixed=MONDAY + 9 * DAY)), MORE)
    ada.enrol(MONDAY + 5 * DAY, "WITHDRAWN")
    ada.enrol(MONDAY + 5 * DAY)
    ada.wait(5 * DAY + GRACE - HOUR)
    assert ada.told(LearnerFellBehind) == []
    ada.wait(DAY)
    (event,) = ada.told(LearnerFellBehind)
    assert [(each.kind, each.value) for each in event.reasons] == [(OVERDUE, 1)]


def test_who_hands_in_late_recovers_at_once() -> None:
    """The event tells since when the learner had been behind; later nothing more is told."""
    ada = Judged(ESSAY, MORE)
    ada.wait(8 * DAY)
    since = ada.state.behind_since
    ada.say(said(COMPLETED, "essay", timestamp=ada.store.now))
    (event,) = ada.told(LearnerRecovered)
    assert (event.was_since, event.at, event.enrolment_id) == (since, ada.store.now, "e1")
    assert (ada.state.behind_since, ada.state.behind_reasons) == (None, ())
    ada.wait(2 * DAY)
    assert ada.told(LearnerRecovered) == []


def test_who_hands_in_a_week_late_stays_behind_until_something_is_in_time() -> None:
    """Also before its due; and what comes late after that changes nothing any more."""
    steps = (
        activity(f"task-{day}", deadline=TimeRule(fixed=MONDAY + day * DAY)) for day in (2, 25, 30)
    )
    ada = Judged(*steps, MORE)
    ada.wait(10 * DAY)
    ada.say(said(COMPLETED, "task-2", timestamp=ada.store.now))
    assert ada.told(LearnerRecovered) == []
    assert [(each.kind, each.value, each.limit) for each in ada.state.behind_reasons] == [
        (LATE_WORK, 8, 7)
    ]
    ada.wait(DAY)
    ada.say(said(COMPLETED, "task-25", timestamp=ada.store.now))
    assert len(ada.told(LearnerRecovered)) == 1
    ada.wait(30 * DAY)
    assert ada.kinds == [OVERDUE]
    ada.say(said(COMPLETED, "task-30", timestamp=ada.store.now))
    assert ada.kinds == []


def test_what_was_due_before_a_learner_came_is_not_late() -> None:
    """However late it is completed; nor is what has no due."""
    ada = Judged(ESSAY, activity("next", deadline=TimeRule(fixed=MONDAY + 40 * DAY)), MORE)
    ada.enrol(MONDAY + 5 * DAY, "WITHDRAWN")
    ada.enrol(MONDAY + 5 * DAY)
    ada.wait(20 * DAY)
    ada.say(said(COMPLETED, "essay", timestamp=ada.store.now))
    assert (ada.told(LearnerFellBehind), ada.kinds) == ([], [])


@pytest.mark.parametrize("end", ["completed", "withdrawn", "over", "off"])
def test_who_is_not_to_be_judged_is_not_behind(end: str) -> None:
    """Who completed the path, left the run, or whose run is over or does not want it; nothing is
    told from then on.
    """
    ada = Judged(ESSAY, MORE)
    ada.wait(8 * DAY)
    assert ada.kinds == [OVERDUE]
    match end:
        case "completed":
            now = ada.store.now
            ada.say(*(said(COMPLETED, each, timestamp=now) for each in ("essay", "more")))
        case "withdrawn":
            ada.enrol(MONDAY - DAY, "WITHDRAWN")
        case "over":
            ada.update_run(closed_at=ada.store.now)
        case "off":
            ada.update_run(policy=replace(POLICY, tell_falling_behind=False))
    assert [len(ada.told(each)) for each in (LearnerFellBehind, LearnerRecovered)] == [1, 1]
    assert ada.state.judge_at == (None if end == "withdrawn" else NEVER)
    ada.seen_daily = False
    ada.wait(30 * DAY)
    assert [len(ada.told(each)) for each in (LearnerFellBehind, LearnerRecovered)] == [0, 0]


def test_a_run_that_goes_on_after_all_judges_again() -> None:
    """It was over; then its end moved."""
    ada = Judged(ESSAY, MORE)
    ada.update_run(closed_at=MONDAY)
    ada.wait(9 * DAY)
    assert ada.told(LearnerFellBehind) == []
    ada.update_run()
    assert ada.kinds == [OVERDUE]


def test_silence_counts_beside_the_median_of_the_run() -> None:
    """Ten days, and three for each day of the median learner's silence; who does something again
    recovers.
    """
    ada = Judged(MORE)
    for number, days in enumerate((1, 2, 9)):
        other = run_state(last_seen_at=LATE - days * DAY)
        key = (RUN, f"other-{number}")
        ada.store.learners[key] = Learner(replace(other, learner_id=key[1]), {}, {})
    ada.seen_daily = False
    ada.store.now = LATE
    ada.judge()
    silence = ada.store.silences([RUN])[RUN]
    assert silence.since(MONDAY) == 9 * DAY  # she and another are the silent half
    assert ada.told(LearnerFellBehind) == []
    ada.store.now = LATE + 3 * DAY
    ada.store.put_silences([RunSilence(RUN, LATE + 2 * DAY, LATE + 3 * DAY)])
    ada.judge()
    assert [(each.kind, each.limit) for each in ada.state.behind_reasons] == [(SILENCE, 13)]
    ada.say(said(PAUSED, "more", timestamp=ada.store.now))
    assert len(ada.told(LearnerRecovered)) == 1


def test_the_median_is_counted_again_after_some_hours() -> None:
    """Not for each learner: it holds for six hours."""
    ada = Judged(MORE)
    ada.wait(8 * DAY)
    counted = ada.store.silences([RUN])[RUN].counted_at
    ada.take_turn()
    assert ada.store.silences([RUN])[RUN].counted_at == counted
    ada.store.now += 6 * HOUR
    ada.take_turn()
    assert ada.store.silences([RUN])[RUN].counted_at == ada.store.now


def test_before_the_run_began_nobody_was_silent() -> None:
    """Learners who enrol weeks before do not make silence usual."""
    silence = RunSilence(RUN, MONDAY - 30 * DAY, MONDAY + DAY)
    assert silence.since(MONDAY) == DAY
    assert silence.since(None) == 31 * DAY
    assert replace(silence, seen_at=MONDAY + 2 * DAY).since(MONDAY) == timedelta()


def judged(ada: Learner, now: datetime = LATE, **fields: Any) -> LearnerRunState:
    """Ada's state after the verdict, in a run with two classes."""
    classes = tuple(
        session(id_, activity_id=f"class-{id_}", ended_at=MONDAY) for id_ in ("s1", "s2")
    )
    steps = (
        activity("class-s1", ActivityKind.SESSION),
        activity("class-s2", ActivityKind.SESSION, **fields),
    )
    return judgement.judged(ada, plan(*steps, sessions=classes), None, now)


def absent(**more: Any) -> Learner:
    """Ada, who was absent from both classes."""
    known = {each: Attendance(ABSENT, 1) for each in ("s1", "s2")}
    return Learner(run_state(attendance={**known, **more}), {}, {})


def catch_up(session_id: str, **fields: Any) -> CatchUp:
    """Ada's catch-up of a class, which is past its due."""
    state, due = CatchUpState.MISSED, MONDAY + DAY
    given = CatchUp(
        f"c-{session_id}", RUN, ADA, "e1", session_id, "", "", ("film",), state, MONDAY, due
    )
    return replace(given, **fields)


def with_catch_up(ada: Learner, **fields: Any) -> Learner:
    """Ada with a catch-up of the first class."""
    return replace(ada, catch_ups={"s1": catch_up("s1", **fields)})


def test_absences_are_a_reason_from_the_second_on() -> None:
    """Excused, only waiting for a seat, optional, or made up for: it is none."""
    state = judged(absent())
    assert [(each.kind, each.value, each.limit) for each in state.behind_reasons] == [
        (ABSENCES, 2, 2)
    ]
    for one in (Attendance(EXCUSED, 2), Attendance(PRESENT, 2), Attendance(ABSENT, 2, waited=True)):
        assert judged(absent(s2=one)).behind_reasons == ()
    assert judged(absent(), optional=True).behind_reasons == ()
    done = replace(absent().run_state, completed={"class-s1": LATE})
    assert judged(Learner(done, {}, {})).behind_reasons == ()
    caught_up = with_catch_up(absent(), state=CatchUpState.COMPLETED)
    assert judged(caught_up).behind_reasons == ()
    assert judged(with_catch_up(absent(), waived=True, dropped=True)).behind_reasons == ()
    missed = judged(with_catch_up(absent()))
    assert [each.kind for each in missed.behind_reasons] == [ABSENCES]


def test_help_sessions_are_no_sessions_held() -> None:
    """Who came to ten of them is judged by two absences from classes as before."""
    classes = [session(f"s{n}", activity_id="", ended_at=MONDAY) for n in (1, 2)]
    help_ids = [f"h{n}" for n in range(10)]
    desks = [
        session(each, activity_id="", ended_at=MONDAY, purpose=SessionPurpose.HELP)
        for each in help_ids
    ]
    ada = absent(**dict.fromkeys(help_ids, Attendance(PRESENT, 2)))
    state = judgement.judged(ada, plan(sessions=(*classes, *desks)), None, LATE)
    assert [(each.kind, each.value, each.limit) for each in state.behind_reasons] == [
        (ABSENCES, 2, 2)
    ]


def test_catch_ups_past_their_dues_are_a_reason_from_the_second_on() -> None:
    """Also one that nobody marked as missed yet; not one that is withdrawn, done, or to come."""
    ada = Learner(run_state(), {}, {})

    def kinds(**fields: Any) -> list[ReasonKind]:
        own = {"s1": catch_up("s1"), "s2": catch_up("s2", **fields)}
        return [each.kind for each in judged(replace(ada, catch_ups=own)).behind_reasons]

    assert kinds() == kinds(state=CatchUpState.ASSIGNED) == [UNWATCHED]
    assert kinds(state=CatchUpState.COMPLETED) == kinds(dropped=True) == []
    assert kinds(state=CatchUpState.ASSIGNED, due=LATE + DAY) == []


def test_the_next_verdict_comes_with_the_next_due_or_a_day_later() -> None:
    """Of an activity or of a catch-up: whatever may change by time alone."""
    ada = Learner(run_state(mode=AttendanceMode.ONLINE), {}, {})
    assert judged(ada).judge_at == LATE + AGAIN_AFTER
    soon = with_catch_up(ada, state=CatchUpState.ASSIGNED, due=LATE + HOUR)
    assert judged(soon).judge_at == LATE + HOUR + AFTER
    due = plan(activity("essay", deadline=TimeRule(fixed=LATE + 2 * HOUR)))
    assert judgement.judged(ada, due, None, LATE).judge_at == LATE + 2 * HOUR + AFTER


def test_who_is_behind_leaves_it_by_lower_limits_but_not_in_the_first_minutes() -> None:
    """A statement of a device that was offline shows that eleven days of silence were eight: if it
    comes at once, the fall was none; later eight are too many.
    """

    def at(state: LearnerRunState, now: datetime) -> LearnerRunState:
        ada = Learner(state, {}, {})
        return judgement.judged(ada, plan(), RunSilence(RUN, LATE, LATE), now)

    state = at(run_state(), LATE)
    assert state.behind_since == LATE
    seen = replace(state, last_seen_at=LATE - 8 * DAY)
    assert at(seen, LATE).behind_since is None
    assert at(seen, LATE + SETTLE - timedelta(seconds=1)).behind_since is None
    later = at(seen, LATE + SETTLE)
    assert (later.behind_since, [each.limit for each in later.behind_reasons]) == (LATE, [7.5])


def test_an_unknown_run_judges_nobody_and_is_asked_again_later() -> None:
    """So the timer does not find its learners in each pass."""
    ada = Learner(run_state(), {}, {})
    state = judgement.judged(ada, None, None, LATE)
    assert (state.behind_since, state.judge_at) == (None, LATE + AGAIN_AFTER)
