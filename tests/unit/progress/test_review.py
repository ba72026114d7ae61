"""The review: what is known of a learner, held against the plan."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.enums import (
    ActivityKind,
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    Role,
)
from services.progress.domain.events import (
    ActivityCompleted,
    ActivityReopened,
    CatchUpAssigned,
    CatchUpCompleted,
    CatchUpWithdrawn,
    PathCompleted,
)
from services.progress.domain.learner import Learner, did
from services.progress.domain.learner_run_state import (
    Counts,
    EnrolmentUpdate,
    Extension,
    extended,
    merge,
)
from services.progress.domain.path import Path
from services.progress.domain.plan import Plan
from services.progress.domain.review import counts_of, events_between, reviewed
from services.progress.domain.statements import Result, Statement
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    FAILED,
    HOUR,
    MONDAY,
    PASSED,
    PAUSED,
    RUN,
    activity,
    attendance_with,
    learner,
    plan,
    run_state,
    said,
    session,
    watched,
)

TASK, EXTRA = activity("task"), activity("extra", optional=True)
QUIZ = activity("quiz", ActivityKind.CHECKPOINT)
CLASS = activity("class", ActivityKind.SESSION)
ABSENT = attendance_with(AttendanceStatus.ABSENT)
DONE = said(COMPLETED, "task")


def _review(one: Learner, by: Plan) -> tuple[Learner, list[object]]:
    after = reviewed(one, by, MONDAY, MONDAY)
    return after, list(events_between(one, after))


def test_a_completion_is_told_once() -> None:
    """The activity and the path complete; another review publishes nothing."""
    after, events = _review(learner(DONE), plan(TASK, EXTRA))
    assert events == [
        ActivityCompleted("e1", RUN, ADA, "task", MONDAY),
        PathCompleted("e1", RUN, ADA, 1, MONDAY),
    ]
    assert _review(after, plan(TASK, EXTRA)) == (after, [])


def test_a_new_version_keeps_what_was_completed() -> None:
    """By activity id; the path is completed once a version."""
    after, _ = _review(learner(DONE), plan(TASK))
    second = plan(path=Path(RUN, 2, (TASK, activity("more")), 2))
    after, events = _review(after, second)
    assert events == []
    assert counts_of(after, second.required) == Counts(learners=1, completed_activities=1)
    after, events = _review(did(after, said(COMPLETED, "more")), second)
    assert [type(each) for each in events] == [ActivityCompleted, PathCompleted]
    third = plan(path=Path(RUN, 3, (TASK,), 3))
    _, events = _review(after, third)
    assert events == [PathCompleted("e1", RUN, ADA, 3, MONDAY)]


def test_a_failure_takes_back_what_was_only_completed() -> None:
    """The quiz and the path are open again, and told so; a pass completes both once more."""
    by, later = plan(TASK, QUIZ), MONDAY + HOUR
    after, _ = _review(learner(DONE, said(COMPLETED, "quiz")), by)
    assert counts_of(after, by.required).completed_path == 1
    after, events = _review(did(after, said(FAILED, "quiz")), by)
    assert events == [ActivityReopened("e1", RUN, ADA, "quiz")]
    assert counts_of(after, by.required) == Counts(learners=1, completed_activities=1)
    assert _review(after, by) == (after, [])
    after, events = _review(did(after, said(PASSED, "quiz", timestamp=later)), by)
    assert events == [
        ActivityCompleted("e1", RUN, ADA, "quiz", later),
        PathCompleted("e1", RUN, ADA, 1, later),
    ]


def test_a_failure_takes_back_no_pass_and_nothing_of_an_older_version() -> None:
    """A quiz that was passed stays passed, and so does one without evidence."""
    by = plan(QUIZ)
    passed, _ = _review(learner(said(PASSED, "quiz")), by)
    after, events = _review(did(passed, said(FAILED, "quiz")), by)
    assert (after.run_state, events) == (passed.run_state, [])
    bare = learner(completed={"quiz": MONDAY}, path_version=1, path_completed_at=MONDAY)
    assert _review(bare, by) == (bare, [])


OUTCOMES = st.lists(
    st.builds(
        lambda verb, success, role, hours: said(
            verb,
            "quiz",
            Result(success=success),
            authority=role,
            timestamp=MONDAY + hours * HOUR,
        ),
        st.sampled_from([COMPLETED, PASSED, FAILED, PAUSED]),
        st.sampled_from([None, True, False]),
        st.sampled_from([Role.SERVICE, Role.LEARNER]),
        st.integers(0, 5),
    ),
    max_size=6,
)


@given(OUTCOMES, st.data())
def test_a_quiz_ends_the_same_in_any_order(told: list[Statement], data: st.DataObject) -> None:
    """Statements in any order, some twice, with reviews in between, give one end state."""
    by = plan(QUIZ)
    at_once, _ = _review(learner(*told), by)
    after = learner()
    for each in data.draw(st.permutations([*told, *told[:2]])):
        after = did(after, each)
        if data.draw(st.booleans()):
            after, _ = _review(after, by)
    after, _ = _review(after, by)
    assert after == at_once


def test_a_path_that_requires_nothing_is_completed_by_nobody() -> None:
    """A path of optional activities only is never completed."""
    after, events = _review(learner(said(COMPLETED, "extra")), plan(EXTRA))
    assert [type(each) for each in events] == [ActivityCompleted]
    assert counts_of(after, frozenset()).completed_path == 0


def test_an_absence_becomes_a_catch_up_and_study_repairs_it() -> None:
    """Assigned with the recording; studied, the catch-up and the class are done."""
    by = plan(CLASS, sessions=(session(),))
    absent, events = _review(learner(attendance=ABSENT), by)
    (assigned,) = events
    assert isinstance(assigned, CatchUpAssigned)
    assert (assigned.item_ids, assigned.title, assigned.due) == (
        ("film",),
        "Motion",
        MONDAY + 3 * DAY,
    )
    assert counts_of(absent, by.required).open_catch_ups == 1
    after, events = _review(did(absent, watched("0[.]95")), by)
    assert {type(each) for each in events} == {ActivityCompleted, PathCompleted, CatchUpCompleted}
    assert counts_of(after, by.required) == Counts(1, 1, 1, 0, 1, 0)


def test_without_a_place_nothing_is_completed_or_counted() -> None:
    """What is known waits: it counts when the place is held."""
    by = plan(TASK, CLASS, sessions=(session(),))
    waiting = learner(DONE, attendance=ABSENT, state=EnrolmentState.WAITLISTED)
    after, events = _review(waiting, by)
    assert (after, events) == (waiting, [])
    assert counts_of(after, by.required) == Counts()
    held = replace(after, run_state=replace(after.run_state, state=EnrolmentState.ENROLLED))
    _, events = _review(held, by)
    assert [type(each) for each in events] == [ActivityCompleted, CatchUpAssigned]


def test_a_withdrawal_takes_the_learner_out_of_the_counts() -> None:
    """The open catch-up is dropped; what was completed comes back with the learner."""
    by = plan(TASK, CLASS, sessions=(session(),))
    before, _ = _review(learner(DONE, attendance=ABSENT), by)
    gone = replace(before, run_state=replace(before.run_state, state=EnrolmentState.WITHDRAWN))
    gone, events = _review(gone, by)
    assert [type(each) for each in events] == [CatchUpWithdrawn]
    assert counts_of(gone, by.required) == Counts()
    back = replace(gone, run_state=replace(gone.run_state, state=EnrolmentState.ENROLLED))
    back, events = _review(back, by)
    assert [type(each) for each in events] == [CatchUpAssigned]
    assert counts_of(back, by.required) == counts_of(before, by.required)


def test_late_study_counts_as_missed() -> None:
    """Open, completed and missed are all there are: studied late stays among the missed."""
    by = plan(CLASS, sessions=(session(),))
    absent, _ = _review(learner(attendance=ABSENT), by)
    late = reviewed(did(absent, watched("0[.]95")), by, MONDAY + 9 * DAY, MONDAY + 9 * DAY)
    counts = counts_of(late, by.required)
    assert (counts.open_catch_ups, counts.completed_catch_ups, counts.missed_catch_ups) == (0, 0, 1)


def test_state_and_mode_each_count_by_their_newest_event() -> None:
    """A change of mode says nothing of the state, and an old event nothing at all."""
    created = EnrolmentUpdate(
        RUN, ADA, "e1", 1, EnrolmentState.WAITLISTED, None, AttendanceMode.ONLINE
    )
    changed = EnrolmentUpdate(RUN, ADA, "e1", 2, mode=AttendanceMode.CLASSROOM)
    promoted = EnrolmentUpdate(
        RUN, ADA, "e1", 3, EnrolmentState.ENROLLED, MONDAY, AttendanceMode.CLASSROOM
    )
    blank = replace(run_state(), state=None, enrolled_at=None, mode=None, enrolment_id="")
    one = merge(merge(merge(blank, created), changed), promoted)
    other = merge(merge(merge(blank, promoted), changed), created)
    assert one == other
    assert (one.state, one.mode, one.enrolled_at) == (
        EnrolmentState.ENROLLED,
        AttendanceMode.CLASSROOM,
        MONDAY,
    )


def test_an_older_extension_changes_nothing() -> None:
    """The newest one counts, whichever comes last."""
    old, new = Extension(MONDAY + DAY, 1), Extension(MONDAY + HOUR, 2)
    one = extended(extended(run_state(), "task", new), "task", old)
    assert one.extensions == {"task": new}
