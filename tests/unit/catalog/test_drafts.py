"""Draft paths: what accepted advice makes of a path."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.advice import Advice, Facts, Override, Wishes, advise
from services.catalog.domain.drafts import count_violations, digest_violations, drafted
from services.catalog.domain.enums import ActivityKind, CourseNature, Weekday, WeekForm
from services.catalog.domain.path import (
    Activity,
    CivilRule,
    TimeRule,
    WeekDay,
    path_violations,
)
from services.catalog.domain.runs import Run
from services.catalog.domain.weeks import week_of_activity, weeks_of
from tests.unit.catalog.test_path import a_run

ITEM, SESSION, TASK = ActivityKind.ITEM, ActivityKind.SESSION, ActivityKind.TASK
# Week 1 is a Sunday, week 3 has one working day, week 4 is a break.
RUN = a_run(
    end_date="2026-03-29",
    holidays=tuple(f"2026-03-{day:02d}" for day in (9, 10, 12, 13, 16, 17, 18, 19, 20)),
)


def advice(*live: int, run: Run = RUN) -> Advice:
    """Advice in which staff decided on every week."""
    weeks = weeks_of(run)
    overrides = [
        Override(week.number, WeekForm.LIVE if week.number in live else WeekForm.SELF_PACED, "x")
        for week in weeks
        if week.days
    ]
    facts = Facts(
        run_id=run.id,
        delivery_mode=run.delivery_mode,
        nature=CourseNature.SEMINAR,
        intake=10,
        large_intake=100,
        wishes=Wishes(),
        weeks=weeks,
        teachers=0,
        overrides=overrides,
    )
    return advise(facts)


def in_week(week: int, weekday: Weekday = Weekday.MONDAY, **more: Any) -> TimeRule:
    """A day of a week."""
    return TimeRule(civil=CivilRule(week_day=WeekDay(week, weekday), **more))


def ids(activities: Sequence[Activity]) -> list[str]:
    """The ids of activities."""
    return [each.id for each in activities]


def test_a_draft_of_nothing_has_a_step_for_each_week() -> None:
    """Classes, and items that are still to be chosen, on the working days of the run."""
    draft = drafted([], advice(2, 3), RUN)
    assert ids(draft) == ["week-2-class", "week-3-class", "week-5-study"]
    lesson, only_day, study = draft
    assert (lesson.kind, lesson.release, lesson.deadline) == (SESSION, in_week(2), None)
    assert only_day.release == in_week(3, Weekday.WEDNESDAY)
    assert (study.release, study.deadline) == (in_week(5), in_week(5, Weekday.FRIDAY))
    assert (study.kind, study.item_id, study.title) == (ITEM, "", "Week 5: self-paced study")


def test_only_the_items_of_a_new_draft_are_missing() -> None:
    """Publishing would refuse nothing else of it."""
    found = path_violations(drafted([], advice(2), RUN), RUN, ())
    assert [each.field for each in found] == ["activities[1].item_id", "activities[2].item_id"]


def test_what_the_path_has_is_kept_in_its_order() -> None:
    """Classes of self-paced weeks are left out; a week that has a step of its form gets none."""
    path = [
        Activity("read", "Read", ITEM, item_id="book", deadline=in_week(5)),
        Activity("class-2", "Class", SESSION, release=in_week(2)),
        Activity("class-5", "Class", SESSION, release=in_week(5)),
        Activity("essay", "Essay", TASK, requires=("class-5",)),
    ]
    draft = drafted(path, advice(2, 3), RUN)
    assert ids(draft) == ["week-3-class", "read", "class-2", "essay"]
    assert [each for each in draft if each in path] == [path[0], path[1], path[3]]
    faults = [each.field for each in path_violations(draft, RUN, {"book"})]
    assert faults == ["activities[3].requires[0]"]


def test_a_step_gets_an_id_that_the_path_does_not_have() -> None:
    """A number is put behind it."""
    path = [Activity("week-2-class", "Old", TASK), Activity("week-2-class-2", "Old", TASK)]
    assert "week-2-class-3" in ids(drafted(path, advice(2), RUN))


def test_advice_is_accepted_as_it_was_read() -> None:
    """Another digest is refused."""
    assert not [*digest_violations(advice(2), advice(2).digest)]
    [violation] = digest_violations(advice(2), advice(3).digest)
    assert violation.field == "digest"


def test_a_path_has_at_most_500_steps() -> None:
    """The draft's fault tells how many it has."""
    steps = [Activity(f"t{number}", "Task", TASK) for number in range(501)]
    [violation] = count_violations(steps)
    assert (violation.field, violation.wrong) == ("activities", "has 501 rows")
    assert not [*count_violations(steps[1:])]


ACTIVITIES = st.lists(
    st.builds(
        lambda name, kind, week: Activity(
            f"a{name}", "A", kind, release=in_week(week) if week else None
        ),
        st.integers(0, 50),
        st.sampled_from(ActivityKind),
        st.sampled_from([0, 2, 3, 5]),
    ),
    unique_by=lambda each: each.id,
    max_size=8,
)


@given(ACTIVITIES, st.sets(st.sampled_from([2, 3, 5])))
def test_each_week_of_a_draft_has_a_step_of_its_form(path: list[Activity], live: set[int]) -> None:
    """Whatever the path had; nothing but classes is left out, and ids stay different."""
    draft = drafted(path, advice(*live), RUN)
    for week in (2, 3, 5):
        kinds = {each.kind for each in draft if week_of_activity(each, RUN) == week}
        assert (SESSION if week in live else ITEM) in kinds
        assert (SESSION in kinds) is (week in live)
    assert {each.id for each in path if each.kind is not SESSION} <= {*ids(draft)}
    assert len({*ids(draft)}) == len(draft)
    assert [each for each in draft if each in path] == [each for each in path if each in draft]
