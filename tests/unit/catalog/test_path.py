"""Everything that can be wrong with a path."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.enums import ActivityKind, DeliveryMode
from services.catalog.domain.path import Activity, AfterActivity, TimeRule, path_violations
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
