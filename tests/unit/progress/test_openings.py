"""When an activity opens, what is lacking before it does, and that it stays open."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.contracts.mapping import from_document
from services.progress.domain import timeline
from services.progress.domain.enums import (
    ActivityState,
    AttendanceStatus,
    ConditionKind,
    LackKind,
    PartialAttendance,
    Role,
)
from services.progress.domain.events import ActivitiesOpened
from services.progress.domain.openings import Lack
from services.progress.domain.path import Activity, Condition, TimeRule
from services.progress.domain.statements import Result, Statement, note_of
from services.progress.domain.timeline import TimelineInterval
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    FAILED,
    HOUR,
    MONDAY,
    PASSED,
    POLICY,
    activity,
    after,
    said,
)
from tests.unit.progress.under_way import CLASS, QUIZ, UnderWay

ATTENDED, SCORED = ConditionKind.ATTENDED, ConditionKind.SCORED
ESSAY = activity("essay")
AFTER_QUIZ = activity("next", opens_when=(Condition("quiz", SCORED, score=0.8),))
AFTER_CLASS = activity("next", opens_when=(Condition("class", ATTENDED),))
COUNTS, CATCH_UP = PartialAttendance
PRESENT, PARTIAL, CAUGHT_UP = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.PARTIAL,
    AttendanceStatus.CAUGHT_UP,
)


def scored(score: float, verb: str = COMPLETED, role: Role = Role.SERVICE) -> Statement:
    """A statement on the quiz with a scaled score."""
    return said(verb, "quiz", Result(scaled_score=score), authority=role)


def opened(ada: UnderWay) -> list[str]:
    """The activities that were told as opened since this was last asked."""
    return [each for news in ada.told(ActivitiesOpened) for each in news.activity_ids]


def test_a_locked_activity_tells_all_that_is_lacking() -> None:
    """Its release, what it requires, the attendance and the score, with names that can be shown."""
    conditions = (Condition("class", ATTENDED), Condition("quiz", SCORED, score=0.8))
    release = TimeRule(fixed=MONDAY + DAY)
    last = activity("next", release=release, requires=("essay",), opens_when=conditions)
    ada = UnderWay(CLASS, QUIZ, ESSAY, last)
    ada.say(scored(0.5))
    row = ada.rows()["next"]
    assert row.state is ActivityState.LOCKED
    assert row.lacks == [
        Lack(LackKind.RELEASE, opens_at=MONDAY + DAY),
        Lack(LackKind.COMPLETION, "essay", "Essay"),
        Lack(LackKind.ATTENDANCE, "class", "Class"),
        Lack(LackKind.SCORE, "quiz", "Quiz", score=0.8, best_score=0.5),
    ]
    assert ada.rows()["essay"].lacks == []


def test_an_opening_is_told_once_with_all_that_opens() -> None:
    """By completion and by a score at once; repeats of the statements tell nothing."""
    ada = UnderWay(QUIZ, ESSAY, replace(AFTER_QUIZ, requires=("essay",)), activity("free"))
    assert opened(ada) == []
    done = said(COMPLETED, "essay")
    ada.say(done)
    assert opened(ada) == []
    good = scored(0.8)
    ada.say(good)
    assert opened(ada) == ["next"]
    ada.say(done, good, scored(0.9))
    assert opened(ada) == []
    assert ada.rows()["next"].state is ActivityState.OPEN


def test_an_opening_tells_whether_the_learner_opened_it() -> None:
    """By completing what it requires; a release, a score or another version opens from outside."""
    late = activity("late", release=TimeRule(fixed=MONDAY + HOUR), requires=("essay",))
    ada = UnderWay(QUIZ, ESSAY, activity("after", requires=("essay",)), late, AFTER_QUIZ)
    ada.say(said(COMPLETED, "essay"))
    ada.wait(2 * HOUR)
    ada.say(scored(0.9))
    ada.publish(2, QUIZ, ESSAY, activity("later", requires=("essay",)))
    told = [(each.activity_ids, each.by_completion) for each in ada.told(ActivitiesOpened)]
    expected = [("after", True), ("late", False), ("next", False), ("later", False)]
    assert told == [((each,), by_completion) for each, by_completion in expected]


def test_a_version_that_opens_what_was_open_tells_nothing() -> None:
    """Nor does one that puts something before it: what was told once is not told again."""
    after_essay, free = activity("after", requires=("essay",)), activity("free")
    ada = UnderWay(ESSAY, after_essay, free)
    ada.say(said(COMPLETED, "essay"))
    assert opened(ada) == ["after"]
    ada.publish(2, ESSAY, free, replace(after_essay, requires=("free",)))
    ada.publish(3, ESSAY, free)
    ada.publish(4, ESSAY, free, after_essay)
    assert opened(ada) == []


def test_what_was_open_when_the_learner_came_is_no_news() -> None:
    """Nor is what waits for nothing, or is completed before it opens; but it counts as done."""
    ada = UnderWay(ESSAY, activity("past", release=TimeRule(fixed=MONDAY - DAY)))
    waiting = activity("done", requires=("essay",))
    ada.say(said(COMPLETED, "done"))
    ada.publish(2, ESSAY, activity("free"), waiting)
    assert ada.rows()["done"].state is ActivityState.COMPLETED
    ada.say(said(COMPLETED, "essay"))
    assert opened(ada) == []
    assert {"past", "free", "done"} <= set(ada.learner.run_state.opened)


def test_a_release_is_told_when_it_comes() -> None:
    """The timer finds the learner by the instant, unless something else is lacking too."""
    release = TimeRule(fixed=MONDAY + DAY)
    locked = activity("b", release=TimeRule(fixed=MONDAY + HOUR), requires=("essay",))
    ada = UnderWay(ESSAY, activity("a", release=release), locked)
    assert ada.learner.run_state.next_due_at == MONDAY + DAY
    ada.wait(2 * HOUR)
    assert opened(ada) == []
    ada.wait(DAY)
    assert opened(ada) == ["a"]
    assert ada.learner.run_state.next_due_at is None


def test_a_release_after_a_class_waits_until_it_is_scheduled_and_moves_with_it() -> None:
    """While nobody knows when the class is, the activity stays locked."""
    ada = UnderWay(CLASS, activity("next", release=after("class", HOUR)))
    assert ada.rows()["next"].lacks == [Lack(LackKind.RELEASE)]
    ada.schedule(MONDAY + DAY)
    assert ada.learner.run_state.next_due_at == MONDAY + DAY + HOUR
    ada.schedule(MONDAY + 2 * DAY)
    assert ada.learner.run_state.next_due_at == MONDAY + 2 * DAY + HOUR
    ada.wait(2 * DAY + HOUR)
    assert opened(ada) == ["next"]
    ada.schedule(MONDAY + 9 * DAY)
    assert ada.rows()["next"].state is ActivityState.OPEN


@pytest.mark.parametrize("verdict", AttendanceStatus)
@pytest.mark.parametrize("policy", [COUNTS, CATCH_UP, None])
@pytest.mark.parametrize("or_caught_up", [False, True])
def test_attendance_opens_by_the_policy_and_the_authors_choice(
    verdict: AttendanceStatus, policy: PartialAttendance | None, or_caught_up: bool
) -> None:
    """PRESENT does, PARTIAL where it counts, CAUGHT_UP where the author says so; no excuse does. A
    corrected attendance locks nothing again, but a catch-up that was not studied after all does.
    """
    condition = Condition("class", ATTENDED, or_caught_up=or_caught_up)
    by = replace(POLICY, partial_attendance=policy)
    ada = UnderWay(CLASS, replace(AFTER_CLASS, opens_when=(condition,)), policy=by)
    ada.schedule(MONDAY, "ENDED", ended_at=MONDAY)
    ada.attend(verdict)
    enough = {PRESENT} | ({PARTIAL} if policy is COUNTS else set())
    enough |= {CAUGHT_UP} if or_caught_up else set()
    assert opened(ada) == (["next"] if verdict in enough else [])
    ada.attend(AttendanceStatus.ABSENT)
    stays = verdict in enough - {CAUGHT_UP}
    assert (ada.rows()["next"].state is ActivityState.OPEN) is stays


def test_only_scores_of_services_open() -> None:
    """What a learner says of the own score changes nothing; the first of a service's does."""
    ada = UnderWay(QUIZ, AFTER_QUIZ)
    ada.say(scored(1.0, role=Role.LEARNER))
    (lack,) = ada.rows()["next"].lacks
    assert (opened(ada), lack.best_score) == ([], None)
    ada.say(scored(0.8 - 1e-12))  # a quotient of floats
    assert opened(ada) == ["next"]


def test_a_score_with_any_verb_counts_for_something() -> None:
    """So no note tells its sender that it counts for nothing; a learner's own gets the note."""
    answered = "http://adlnet.gov/expapi/verbs/answered"
    assert note_of(scored(0.5, answered)) == ""
    assert note_of(scored(0.5, answered, Role.LEARNER))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([-1.0, 0.2, 0.79, 0.8, 1.0]),
            st.sampled_from([COMPLETED, PASSED, FAILED]),
            st.sampled_from([Role.SERVICE, Role.LEARNER]),
        ),
        max_size=5,
    ),
    st.randoms(use_true_random=False),
)
def test_scores_end_in_the_same_state_in_any_order(
    told: list[tuple[float, str, Role]], random: object
) -> None:
    """Also if they come late or twice: the best attempt counts, and no later one locks."""
    statements = [scored(*each) for each in told]
    best = max((score for score, _, role in told if role is Role.SERVICE), default=-1.0)
    again = statements * 2
    random.shuffle(again)  # type: ignore[attr-defined]
    states = []
    for order in (statements, again):
        ada, was_open = UnderWay(QUIZ, AFTER_QUIZ), False
        for each in order:
            ada.say(each)
            is_open = ada.rows()["next"].state is ActivityState.OPEN
            assert is_open or not was_open
            was_open = is_open
        assert opened(ada) == (["next"] if best >= 0.8 else [])
        evidence = ada.learner.evidence.get("activity:quiz")
        states.append((ada.learner.run_state.opened, evidence and evidence.best_score))
    assert states[0] == states[1]


def test_a_condition_of_a_newer_kind_never_holds() -> None:
    """Rather locked than open: this version does not know what the author asks for."""
    newer = from_document(
        {
            "_id": "next",
            "title": "Next",
            "kind": "TASK",
            "opens_when": [{"activity_id": "quiz", "kind": "VOTED"}],
        },
        Activity,
    )
    ada = UnderWay(QUIZ, newer)
    ada.say(scored(1.0, PASSED))
    assert (opened(ada), ada.rows()["next"].state) == ([], ActivityState.LOCKED)


def test_learners_of_an_older_version_are_told_no_old_openings() -> None:
    """The first evaluation stores what is open; what opens later is told."""
    ada = UnderWay(QUIZ, AFTER_QUIZ, ESSAY, activity("last", requires=("essay",)))
    ada.say(said(COMPLETED, "essay"))
    assert opened(ada) == ["last"]
    state = replace(ada.learner.run_state, path_seen=None, opened=())
    ada.store.learners[state.key] = replace(ada.learner, run_state=state)
    ada.say(said(COMPLETED, "quiz", authority=Role.SERVICE))
    assert opened(ada) == []
    assert ada.learner.run_state.opened == ("essay", "last", "quiz")
    ada.say(scored(0.9))
    assert opened(ada) == ["next"]


def test_a_timeline_tells_what_is_locked_and_why() -> None:
    """A due of a locked activity says what is lacking; one of an open activity does not."""
    due = TimeRule(fixed=MONDAY + DAY)
    ada = UnderWay(QUIZ, replace(AFTER_QUIZ, deadline=due), replace(ESSAY, deadline=due))
    week = TimelineInterval(ADA, MONDAY, MONDAY + 7 * DAY, "UTC")
    lines = {
        line.activity_id: line
        for line in timeline.lines_of_run(ada.learner, ada.plan, week, MONDAY)
    }
    assert (lines["essay"].locked, lines["essay"].lacks) == (False, [])
    assert lines["next"].locked
    assert lines["next"].lacks == [Lack(LackKind.SCORE, "quiz", "Quiz", score=0.8)]
