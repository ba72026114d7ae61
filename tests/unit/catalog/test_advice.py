"""Advice on delivery: the share of live weeks, which weeks they are, and why."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.domain.advice import (
    LEAST_SHARE,
    MOST_SHARE,
    Advice,
    Facts,
    Override,
    Wishes,
    advise,
    evenly,
    override_violations,
)
from services.catalog.domain.availability import (
    Absence,
    Availability,
    TeachingTime,
    TeachingWindow,
    teaching_time,
)
from services.catalog.domain.enums import AdviceReasonCode as Code
from services.catalog.domain.enums import CourseNature, DeliveryMode, WeekForm
from services.catalog.domain.weeks import Week, length_violations, week_of_activity, weeks_of
from tests.unit.catalog.test_path import GOOD, a_run

LAB, LECTURE, SEMINAR = CourseNature.LAB, CourseNature.LECTURE, CourseNature.SEMINAR
LIVE, SELF_PACED = WeekForm.LIVE, WeekForm.SELF_PACED
NOBODY = TeachingTime()


def weeks(count: int, breaks: Sequence[int] = ()) -> list[Week]:
    """Weeks with one working day each, but for breaks."""
    return [
        Week(number, () if number in breaks else (f"2026-03-{number:02d}",))
        for number in range(1, count + 1)
    ]


def facts(nature: CourseNature | None = None, **changes: Any) -> Facts:
    """A blended run of twelve weeks for 40 learners, of whom none wishes anything."""
    fields: dict[str, Any] = {
        "run_id": "run",
        "delivery_mode": DeliveryMode.BLENDED,
        "nature": nature,
        "intake": 40,
        "large_intake": 100,
        "wishes": Wishes(undecided=40),
        "weeks": weeks(12),
        "teachers": 1,
    }
    return Facts(**{**fields, **changes})


def live(advice: Advice) -> list[int]:
    """The weeks that are live."""
    return [each.week for each in advice.weeks if each.form is LIVE]


def codes(advice: Advice, week: int) -> list[Code]:
    """Why a week is as it is."""
    return [reason.code for reason in advice.weeks[week - 1].reasons]


def share_codes(advice: Advice) -> list[Code]:
    """Why the share is as it is."""
    return [reason.code for reason in advice.reasons]


NUMBERS = st.integers(1, 12)
OVERRIDES = st.lists(
    st.builds(Override, NUMBERS, st.sampled_from(WeekForm), st.just("because")),
    max_size=5,
    unique_by=lambda each: each.week,
)
WISHES = st.builds(
    lambda room, online, paced, none: Wishes(
        classroom=room, online=online, self_paced=paced, undecided=none
    ),
    *[st.integers(0, 30)] * 4,
)
FACTS = st.builds(
    lambda nature, mode, wishes, away, overrides, quizzes: facts(
        nature,
        delivery_mode=mode,
        wishes=wishes,
        times={
            number: NOBODY if number in away else TeachingTime(90, 90) for number in range(1, 13)
        },
        overrides=overrides,
        checkpoints=dict.fromkeys(quizzes, 1),
    ),
    st.sampled_from([*CourseNature, None]),
    st.sampled_from(DeliveryMode),
    WISHES,
    st.sets(NUMBERS, max_size=6),
    OVERRIDES,
    st.sets(NUMBERS, max_size=4),
)


def test_a_lab_is_live_in_every_week() -> None:
    """Whatever learners wish."""
    advice = advise(facts(LAB, wishes=Wishes(self_paced=40)))
    assert live(advice) == [*range(1, 13)]
    assert (advice.live_share, share_codes(advice)) == (100, [Code.NATURE])


def test_a_seminar_alternates() -> None:
    """Half of the weeks, the first and the last among them, never three of a kind in a row."""
    advice = advise(facts(SEMINAR))
    assert live(advice) == [1, 3, 5, 8, 10, 12]
    assert (advice.live_weeks, advice.self_paced_weeks) == (6, 6)


def test_a_large_lecture_is_self_paced_but_at_both_ends_and_before_checkpoints() -> None:
    """A quarter of the weeks; from the number of learners on that makes it large."""
    large = facts(LECTURE, intake=100, checkpoints={8: 1})
    advice = advise(large)
    assert live(advice) == [1, 7, 12]
    assert [codes(advice, week) for week in (1, 7, 12)] == [
        [Code.FIRST_WEEK],
        [Code.BEFORE_CHECKPOINT, Code.SHARE],
        [Code.LAST_WEEK],
    ]
    assert share_codes(advice) == [Code.LARGE_INTAKE, Code.FEW_WISHES]
    assert advise(replace(large, intake=99)).live_share == 50


def test_the_delivery_mode_decides_alone() -> None:
    """A SYNCHRONOUS run is live where somebody can teach, an ASYNCHRONOUS one never."""
    away = {4: NOBODY}
    advice = advise(facts(LECTURE, delivery_mode=DeliveryMode.SYNCHRONOUS, times=away))
    assert live(advice) == [week for week in range(1, 13) if week != 4]
    alone = advise(facts(LAB, delivery_mode=DeliveryMode.ASYNCHRONOUS))
    assert (live(alone), share_codes(alone)) == ([], [Code.DELIVERY_MODE])


@pytest.mark.parametrize(
    ("wishes", "share", "codes"),
    [
        (Wishes(classroom=4, undecided=36), 50, [Code.NATURE, Code.FEW_WISHES]),
        (Wishes(classroom=3, online=2, undecided=35), 53, [Code.NATURE, Code.WISHES]),
        (Wishes(self_paced=20, undecided=20), 37, [Code.NATURE, Code.WISHES]),
        (Wishes(online=40), 70, [Code.NATURE, Code.WISHES, Code.BOUNDS]),
        (Wishes(self_paced=40), 25, [Code.NATURE, Code.WISHES]),
    ],
)
def test_wishes_shift_the_share_within_bounds(
    wishes: Wishes, share: int, codes: list[Code]
) -> None:
    """Few wishes nothing, more of them a part of 25 points, and never out of 21 to 70 percent."""
    advice = advise(facts(SEMINAR, wishes=wishes))
    assert (advice.live_share, share_codes(advice)) == (share, codes)


def test_reasons_tell_the_numbers_that_they_used() -> None:
    """In figures, and in their sentences."""
    advice = advise(
        facts(SEMINAR, wishes=Wishes(classroom=10, online=2, self_paced=4, undecided=24))
    )
    reason = advice.reasons[1]
    assert {each.name: each.value for each in reason.figures} == {
        "live_wishes": 12,
        "self_paced_wishes": 4,
        "learners": 40,
        "shift": 5,
    }
    assert reason.words == (
        "Of 40 learners 12 wish live classes and 4 self-paced study, which changes the share of"
        " live weeks by 5 percentage points."
    )


def test_few_wishes_are_not_counted_in_public() -> None:
    """Of four wishes nothing tells how many they are."""
    advice = advise(facts(wishes=Wishes(self_paced=4, undecided=36)))
    assert advice.reasons[-1].figures[0].name == "least"
    assert len(advice.reasons[-1].figures) == 1


def test_a_week_without_a_teacher_or_a_working_day_is_self_paced() -> None:
    """A break is in neither number; where no hour at a stretch is left, nobody can teach."""
    times = dict.fromkeys(range(1, 13), TeachingTime(600, 120)) | {1: TeachingTime(300, 59)}
    advice = advise(facts(LAB, weeks=weeks(12, [6]), times=times))
    assert live(advice) == [2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    assert codes(advice, 1) == [Code.NO_TEACHER]
    assert codes(advice, 6) == [Code.NO_TEACHING_DAY]
    assert codes(advice, 2) == [Code.FIRST_WEEK]
    assert (advice.live_weeks, advice.self_paced_weeks) == (10, 1)


def test_overrides_count_in_the_share() -> None:
    """Weeks that staff makes live replace others, and the reason is kept."""
    overrides = [
        Override(2, LIVE, "guest"),
        Override(12, SELF_PACED, "exams"),
        Override(4, LIVE, "x"),
    ]
    advice = advise(facts(SEMINAR, overrides=overrides, times={4: NOBODY}))
    assert advice.live_weeks == 6
    assert {2, 4} < {*live(advice)}
    assert 12 not in live(advice)
    assert advice.weeks[1].reasons[0].words == "Staff decided it: guest"
    assert codes(advice, 4) == [Code.OVERRIDDEN, Code.NO_TEACHER]


@given(FACTS)
def test_every_week_has_a_form_and_a_reason(given_facts: Facts) -> None:
    """Staff's decisions hold, and nobody is to teach in a week in which nobody can."""
    advice = advise(given_facts)
    overridden = {each.week: each.form for each in given_facts.overrides}
    for week in advice.weeks:
        assert week.reasons
        assert week.form is overridden.get(week.week, week.form)
        if given_facts.times[week.week] == NOBODY and week.week not in overridden:
            assert week.form is SELF_PACED
    assert advice.live_weeks + advice.self_paced_weeks == 12


@given(FACTS, st.randoms(use_true_random=False))
def test_the_same_facts_get_the_same_advice(given_facts: Facts, order: random.Random) -> None:
    """In whatever order overrides come."""
    shuffled = order.sample([*given_facts.overrides], len(given_facts.overrides))
    assert advise(replace(given_facts, overrides=shuffled)) == advise(given_facts)


@given(FACTS)
def test_another_wish_for_self_paced_study_gives_no_more_live_weeks(given_facts: Facts) -> None:
    """The share is within its bounds, whatever is wished."""
    wishes = given_facts.wishes
    other = replace(wishes, self_paced=wishes.self_paced + 10, undecided=wishes.undecided)
    before, after = advise(given_facts), advise(replace(given_facts, wishes=other))
    if wishes.told >= 5:
        assert after.live_share <= before.live_share
        assert after.live_weeks <= before.live_weeks
    if given_facts.delivery_mode is DeliveryMode.BLENDED and given_facts.nature is not LAB:
        assert LEAST_SHARE <= after.live_share <= MOST_SHARE


@given(st.integers(0, 40), st.integers(0, 50))
def test_weeks_are_spread_evenly(count: int, most: int) -> None:
    """As many as are wanted, and gaps differ by one week at most."""
    chosen = evenly(range(most), count)
    assert len(chosen) == min(count, most)
    gaps = {after - before for before, after in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_digest_names_what_is_advised() -> None:
    """One learner more is the same advice, if no week changes; another week, reason or path is
    another.
    """
    first = advise(facts(SEMINAR)).digest
    assert advise(facts(SEMINAR, wishes=Wishes(undecided=41))).digest == first
    others = [
        facts(SEMINAR, path_version=1),
        facts(SEMINAR, times={3: NOBODY}),
        facts(SEMINAR, overrides=[Override(3, LIVE, "because")]),
        facts(SEMINAR, overrides=[Override(3, LIVE, "therefore")]),
        facts(SEMINAR, run_id="other"),
    ]
    digests = {advise(each).digest for each in others}
    assert len(digests - {first}) == len(others)


def test_faults_of_overrides_are_listed_together() -> None:
    """Weeks that the run does not have, breaks, and weeks that are named twice."""
    overrides = [
        Override(13, LIVE, "x"),
        Override(6, SELF_PACED, "x"),
        Override(1, SELF_PACED, "x"),
        Override(1, SELF_PACED, "x"),
    ]
    found = override_violations(overrides, weeks(12, [6]), DeliveryMode.ASYNCHRONOUS)
    assert [each.field for each in found] == [
        "overrides[0].week",
        "overrides[0].form",
        "overrides[1].week",
        "overrides[3].week",
    ]


def test_weeks_have_the_working_days_of_the_run() -> None:
    """A run that begins on a Sunday has none in its first week, and no holiday is one."""
    run = a_run(start_date="2026-03-01", end_date="2026-03-17", holidays=("2026-03-17",))
    assert weeks_of(run) == [
        Week(1, ()),
        Week(2, ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06")),
        Week(3, ("2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13")),
        Week(4, ("2026-03-16",)),
    ]


def test_a_run_of_more_than_a_hundred_weeks_gets_no_advice() -> None:
    """It is refused before its days are looked at."""
    assert not [*length_violations(a_run(end_date="2028-01-23"))]
    [violation] = length_violations(a_run(end_date="9999-12-31"))
    assert "weeks" in violation.wrong


def test_only_rules_that_count_from_the_run_tell_a_week() -> None:
    """Rules after an enrolment or an activity tell none."""
    assert [week_of_activity(each, a_run()) for each in GOOD] == [0, 0, 0, 0]


@settings(max_examples=50)
@given(st.permutations(["08:00", "08:30", "09:00", "10:00"]))
def test_windows_that_touch_are_one_stretch(starts: list[str]) -> None:
    """In whatever order they are told; a week away has none."""
    ends = {"08:00": "08:30", "08:30": "09:00", "09:00": "09:15", "10:00": "24:00"}
    hours = tuple(TeachingWindow(1, start, ends[start]) for start in starts)
    person = Availability(id="bohr", hours=hours, away=(), sequence=1)
    assert teaching_time(person, ["2026-03-02", "2026-03-03"]) == TeachingTime(915, 840)
    away = replace(person, away=(Absence("2026-03-01", "2026-03-02"),))
    assert teaching_time(away, ["2026-03-02"]) == NOBODY
    morning = replace(person, hours=tuple(each for each in hours if each.end < "10:00"))
    assert teaching_time(morning, ["2026-03-02"]) == TeachingTime(75, 75)
