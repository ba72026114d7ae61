"""Everything that can be wrong with a path."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.enums import ActivityKind, DeliveryMode, Weekday
from services.catalog.domain.path import (
    Activity,
    AfterActivity,
    CivilRule,
    DaysAfterActivity,
    TimeRule,
    WeekDay,
    counts_weeks,
    moment,
    path_violations,
)
from services.catalog.domain.runs import DEFAULT_POLICY, Run

ITEM, SESSION, TASK = ActivityKind.ITEM, ActivityKind.SESSION, ActivityKind.TASK
DAY = timedelta(days=1)


def a_run(**more: Any) -> Run:
    fields: dict[str, Any] = {
        "id": "run",
        "course_id": "course",
        "term": "t",
        "title": "Run",
        "delivery_mode": DeliveryMode.BLENDED,
        "zone": "Europe/Dublin",
        "start_date": "2026-03-01",
        "end_date": "2026-05-31",
        "capacity": 0,
        "instructor_ids": (),
        "policy": DEFAULT_POLICY,
    }
    return Run(**{**fields, **more})


def after(activity: str, days: float = 0) -> TimeRule:
    return TimeRule(after_activity=AfterActivity(activity, timedelta(days=days)))


def violations(*activities: Activity, run: Run | None = None) -> dict[str, str]:
    found = path_violations(activities, run or a_run(), {"known"})
    return {violation.field: violation.wrong for violation in found}


GOOD = (
    Activity("read", "Read", ITEM, item_id="known", deadline=TimeRule(after_enrolment=DAY)),
    Activity("class", "Class", SESSION, requires=("read",)),
    Activity("task", "Task", TASK, release=after("class"), deadline=after("class", 3)),
    Activity("quiz", "Quiz", ActivityKind.CHECKPOINT, deadline=after("task", 2)),
)


def test_a_good_path_has_no_violations() -> None:
    """Items, sessions, prerequisites and rules that fit together pass."""
    assert violations(*GOOD) == {}


def test_every_violation_is_listed_at_once() -> None:
    """One answer lists everything that an author must repair."""
    found = violations(
        Activity("a", "A", ITEM),
        Activity("a", "A", ITEM, item_id="gone"),
        Activity("b", "B", TASK, item_id="known", requires=("nobody",)),
        Activity("c", "C", TASK, deadline=after("nobody"), release=TimeRule()),
    )
    assert found == {
        "activities[0].id": "'a' is used twice",
        "activities[0].item_id": "is missing",
        "activities[1].id": "'a' is used twice",
        "activities[1].item_id": "item 'gone' is not in the library, or is FAILED",
        "activities[2].item_id": "is set on a TASK",
        "activities[2].requires[0]": "'nobody' is not in the path",
        "activities[3].deadline.after_activity.activity_id": "'nobody' is not in the path",
        "activities[3].release": "has no time",
    }


def test_every_circle_is_told_with_its_way() -> None:
    """Circles of prerequisites and of time rules are named step by step, where they begin."""
    found = violations(
        Activity("a", "A", TASK, requires=("b",), deadline=after("b")),
        Activity("b", "B", TASK, requires=("a",), deadline=after("a")),
        Activity("c", "C", TASK, requires=("c",)),
    )
    circles = {field: set(wrong.partition(": ")[2].split(" -> ")) for field, wrong in found.items()}
    one, two = sorted(field for field in circles if circles[field] == {"a", "b"})
    assert one.endswith(".deadline.after_activity.activity_id")
    assert two.endswith(".requires")
    assert found["activities[2].requires"] == "is part of a circle: c -> c"


def test_a_release_and_a_deadline_can_make_a_circle() -> None:
    """If A opens after B is due, and B is due after A, B could never be handed in in time."""
    found = violations(
        Activity("a", "A", TASK, release=after("b", 1), deadline=TimeRule(after_enrolment=DAY)),
        Activity("b", "B", TASK, deadline=after("a", 1)),
    )
    assert found == {
        "activities[0].deadline": "is before the release",
        "activities[0].release.after_activity.activity_id": "is part of a circle: a -> b -> a",
    }


def test_a_path_of_circles_only_is_answered() -> None:
    """Two hundred and fifty circles are two hundred and fifty faults."""
    pairs = [(f"a{n}", f"b{n}") for n in range(250)]
    activities = [
        Activity(one, "A", TASK, requires=(other,))
        for pair in pairs
        for one, other in (pair, pair[::-1])
    ]
    assert len(violations(*activities)) == 250


def test_a_deadline_after_a_session_is_no_circle() -> None:
    """A session's end hangs on no rule, so two activities may hang on each other's session."""
    assert (
        violations(
            Activity("s", "S", SESSION, deadline=after("t")),
            Activity("t", "T", TASK, deadline=after("s", 1)),
        )
        == {}
    )


@pytest.mark.parametrize(
    ("release", "deadline"),
    [
        (
            TimeRule(fixed=datetime(2026, 3, 5, tzinfo=UTC)),
            TimeRule(fixed=datetime(2026, 3, 4, tzinfo=UTC)),
        ),
        (TimeRule(after_enrolment=2 * DAY), TimeRule(after_enrolment=DAY)),
        (after("class", 2), after("class", 1)),
    ],
)
def test_a_deadline_before_its_release_is_a_violation(
    release: TimeRule, deadline: TimeRule
) -> None:
    """If both count from the same start, their order is checked."""
    task = Activity("t", "T", TASK, release=release, deadline=deadline)
    assert violations(GOOD[1], GOOD[0], task) == {"activities[2].deadline": "is before the release"}


MARCH = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = st.integers(0, 60)
# What a chain of tasks counts from: the days of a fixed time, those after the enrolment, a class.
BEGINNINGS = st.one_of(
    DAYS.map(lambda days: TimeRule(fixed=MARCH + days * DAY)),
    DAYS.map(lambda days: TimeRule(after_enrolment=days * DAY)),
    DAYS.map(lambda days: after("class", days)),
)
CHAIN = st.lists(st.one_of(BEGINNINGS, st.tuples(st.integers(0, 4), DAYS)), min_size=5, max_size=5)


@given(CHAIN, BEGINNINGS, st.tuples(st.integers(0, 4), DAYS), st.booleans())
def test_a_deadline_is_before_its_release_where_it_is_so_whatever_happens(
    chain: list[Any], one: TimeRule, other: tuple[int, int], swapped: bool
) -> None:
    """Whenever learners come and classes end: only then it is surely an author's mistake."""
    activities = [Activity("class", "C", SESSION)]
    for place, rule in enumerate(chain):
        if isinstance(rule, tuple):
            rule = after(f"t{rule[0]}", rule[1]) if rule[0] < place else after("class", rule[1])
        activities.append(Activity(f"t{place}", "T", TASK, deadline=rule))
    rules = (one, after(f"t{other[0]}", other[1]))
    release, deadline = rules[::-1] if swapped else rules
    activities.append(Activity("last", "L", TASK, release=release, deadline=deadline))
    rules_of = {each.id: each.deadline for each in activities}

    def moment(rule: TimeRule | None, enrolled: int, ended: int) -> float:
        assert rule is not None
        if rule.fixed is not None:
            return (rule.fixed - MARCH) / DAY
        if rule.after_enrolment is not None:
            return enrolled + rule.after_enrolment / DAY
        assert rule.after_activity is not None
        assert rule.after_activity.offset is not None
        name, offset = rule.after_activity.activity_id, rule.after_activity.offset / DAY
        begins = ended if name == "class" else moment(rules_of[name], enrolled, ended)
        return begins + offset

    far = (-(10**6), 0, 10**6)
    before = all(
        moment(deadline, enrolled, ended) < moment(release, enrolled, ended)
        for enrolled in far
        for ended in (10 * each for each in far)
    )
    assert (f"activities[{len(activities) - 1}].deadline" in violations(*activities)) == before


def test_a_deadline_after_thousands_of_years_is_compared() -> None:
    """Offsets may sum up to more than a calendar has."""
    aeon = 2_500_000 * 365
    found = violations(
        Activity("a", "A", TASK, deadline=TimeRule(after_enrolment=aeon * DAY)),
        Activity("b", "B", TASK, deadline=after("a", aeon)),
        Activity("c", "C", TASK, release=after("b", aeon), deadline=after("b", 1)),
    )
    assert found == {"activities[2].deadline": "is before the release"}


def test_a_time_rule_says_one_time() -> None:
    """Two at once, a negative offset, or a day outside of the run are faults."""
    found = violations(
        Activity("a", "A", TASK, deadline=TimeRule(None, DAY, AfterActivity("b", -DAY))),
        Activity("b", "B", TASK, deadline=TimeRule(datetime(2027, 1, 1, tzinfo=UTC))),
        Activity("c", "C", TASK, release=after("c")),
    )
    assert sorted(found) == [
        "activities[0].deadline",
        "activities[0].deadline.after_activity.offset",
        "activities[1].deadline.fixed",
        "activities[2].release.after_activity.activity_id",
    ]


def civil(**fields: Any) -> TimeRule:
    return TimeRule(civil=CivilRule(**fields))


def days_after(activity: str, days: int, **fields: Any) -> TimeRule:
    return civil(after_activity=DaysAfterActivity(activity, days), **fields)


FRIDAY = WeekDay(4, Weekday.FRIDAY)


def test_civil_rules_as_universities_write_them() -> None:
    """The third day at 23:59; Friday of week 4, 18:00; two working days after the seminar."""
    run, start = a_run(holidays=("2026-03-17",)), datetime(2026, 3, 13, 10, tzinfo=UTC)

    def at(rule: TimeRule) -> datetime | None:
        return moment(rule, start, run)

    assert at(civil(days_after_enrolment=3, time="23:59")) == datetime(
        2026, 3, 16, 23, 59, tzinfo=UTC
    )
    # Sunday 1 March is in week 1, which began in February.
    assert at(civil(week_day=FRIDAY, time="18:00")) == datetime(2026, 3, 20, 18, tzinfo=UTC)
    assert at(days_after("class", 2, working_days=True)) == datetime(2026, 3, 19, tzinfo=UTC)
    assert at(civil(date="2026-03-29")) == datetime(2026, 3, 29, 23, tzinfo=UTC)  # one hour less
    assert moment(civil(date="2026-03-29"), start, run, is_release=True) == datetime(
        2026, 3, 29, tzinfo=UTC
    )


def test_the_instant_that_ends_a_day_is_of_that_day_when_days_are_counted_from_it() -> None:
    """A day after the end of Friday is Saturday. Who enrols at midnight, enrols on that day."""
    midnight = datetime(2026, 3, 14, tzinfo=UTC)  # the end of Friday
    after_due = moment(days_after("task", 1), midnight, a_run())
    assert after_due == datetime(2026, 3, 15, tzinfo=UTC)  # the end of Saturday
    own = moment(civil(days_after_enrolment=1), midnight, a_run())
    assert own == datetime(2026, 3, 16, tzinfo=UTC)  # the end of Sunday


def test_every_fault_of_a_civil_rule_is_listed() -> None:
    """No day or several, working days of nothing, days outside of the run, unknown activities."""
    found = violations(
        Activity("a", "A", TASK, deadline=civil(working_days=True)),
        Activity("b", "B", TASK, deadline=civil(date="2026-03-05", days_after_enrolment=0)),
        Activity("c", "C", TASK, deadline=civil(date="2026-06-01"), release=days_after("d", 0)),
        Activity("e", "E", TASK, deadline=civil(week_day=WeekDay(15, Weekday.SUNDAY))),
        Activity("f", "F", TASK, deadline=civil(week_day=WeekDay(1, Weekday.SATURDAY))),
        Activity(
            "g", "G", TASK, deadline=TimeRule(after_enrolment=DAY, civil=CivilRule("2026-03-05"))
        ),
        Activity("h", "H", TASK, deadline=days_after("h", 1)),
    )
    assert found == {
        "activities[0].deadline.civil": "has no day",
        "activities[0].deadline.civil.working_days": "is set, and no days are counted",
        "activities[1].deadline.civil": "has more than one day",
        "activities[2].deadline.civil.date": "2026-06-01 is outside the run",
        "activities[2].release.civil.after_activity.activity_id": "'d' is not in the path",
        "activities[3].deadline.civil.week_day": "2026-06-07 is outside the run",
        "activities[4].deadline.civil.week_day": "2026-02-28 is outside the run",
        "activities[5].deadline": "has more than one time",
        "activities[6].deadline.civil.after_activity.activity_id": "is part of a circle: h -> h",
    }


@pytest.mark.parametrize(
    ("release", "deadline", "before"),
    [
        (civil(date="2026-03-06"), civil(date="2026-03-05"), True),
        (civil(date="2026-03-06"), civil(date="2026-03-06"), False),
        (civil(date="2026-03-06", time="10:00"), civil(date="2026-03-06", time="09:59"), True),
        (civil(week_day=FRIDAY), TimeRule(fixed=datetime(2026, 3, 19, tzinfo=UTC)), True),
        (civil(week_day=FRIDAY), TimeRule(fixed=datetime(2026, 3, 21, tzinfo=UTC)), False),
        (civil(days_after_enrolment=2), civil(days_after_enrolment=1, time="23:59"), True),
        (civil(days_after_enrolment=2), civil(days_after_enrolment=2), False),
        # Three working days are never over within two days.
        (days_after("class", 3, working_days=True), days_after("class", 2, time="23:00"), True),
        # Not on every day: Tuesday's third working day is Friday, Thursday's is Tuesday.
        (days_after("class", 3, working_days=True), days_after("class", 4), False),
        (after("class", 2), days_after("class", 1), True),
        (after("class", 1), days_after("class", 1, time="12:00"), False),
        (civil(date="2026-03-06"), civil(days_after_enrolment=0), False),
        (days_after("read", 1), days_after("class", 0), False),
    ],
)
def test_a_civil_deadline_surely_before_its_release_is_a_violation(
    release: TimeRule, deadline: TimeRule, before: bool
) -> None:
    """If both count from the same, and it is so on each day of the run."""
    task = Activity("t", "T", TASK, release=release, deadline=deadline)
    found = violations(GOOD[1], GOOD[0], task)
    assert found == ({"activities[2].deadline": "is before the release"} if before else {})


def test_a_chain_of_civil_deadlines_is_followed_to_its_start() -> None:
    """Through other activities, whatever kinds of rules they have."""
    found = violations(
        Activity("a", "A", TASK, deadline=civil(days_after_enrolment=2)),
        Activity("b", "B", TASK, deadline=days_after("a", 3, time="12:00")),
        Activity("c", "C", TASK, release=after("b", 1), deadline=days_after("b", 0)),
        Activity("d", "D", TASK, release=days_after("b", 1), deadline=after("b", 1)),
    )
    assert found == {"activities[2].deadline": "is before the release"}


def test_only_rules_of_weeks_count_weeks() -> None:
    """The first day of the run is told again for these."""
    one = Activity("a", "A", TASK, deadline=civil(date="2026-03-05"))
    assert not counts_weeks([one])
    assert counts_weeks([one, Activity("b", "B", TASK, release=civil(week_day=FRIDAY))])


def test_the_delivery_decides_about_sessions() -> None:
    """A SYNCHRONOUS run needs a session, an ASYNCHRONOUS one has none."""
    live, alone = (
        a_run(delivery_mode=DeliveryMode.SYNCHRONOUS),
        a_run(delivery_mode=DeliveryMode.ASYNCHRONOUS),
    )
    assert violations(GOOD[0], run=live) == {"activities": "have no SESSION"}
    assert violations(*GOOD, run=alone) == {"activities": "have a SESSION"}


@given(st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_prerequisites_without_a_circle_are_those_with_an_order(edges: list[set[int]]) -> None:
    """A circle is reported exactly when no order of the activities meets all prerequisites."""
    edges = [{to for to in each if to < len(edges)} for each in edges]
    activities = [
        Activity(str(place), "A", TASK, requires=tuple(map(str, each)))
        for place, each in enumerate(edges)
    ]
    done: set[int] = set()
    while ready := {n for n, each in enumerate(edges) if each <= done} - done:
        done |= ready
    assert bool(violations(*activities)) == (len(done) < len(edges))


def test_a_week_may_mix_live_and_self_paced_activities() -> None:
    """A class, a reading before it and a quiz after it, by days of the same week."""

    def on(weekday: Weekday) -> TimeRule:
        return civil(week_day=WeekDay(2, weekday))

    assert (
        violations(
            Activity("read", "R", ITEM, item_id="known", deadline=on(Weekday.MONDAY)),
            Activity("class", "C", SESSION, requires=("read",), deadline=on(Weekday.WEDNESDAY)),
            Activity(
                "quiz",
                "Q",
                ActivityKind.CHECKPOINT,
                release=days_after("class", 0),
                deadline=on(Weekday.SUNDAY),
            ),
        )
        == {}
    )
