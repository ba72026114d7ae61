"""The class page: the buckets of learners, and what a run's learners add up to."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain import class_page
from services.progress.domain.class_overview import ModeSummary, counted_buckets, overview
from services.progress.domain.class_page import (
    NUMBERS,
    TRAITS,
    Column,
    ProgressFilter,
    Selection,
    buckets_of,
    listing,
    with_overdue,
)
from services.progress.domain.dues import Dues
from services.progress.domain.enums import AttendanceMode, EnrolmentState
from services.progress.domain.learner_run_state import Counts, Extension, LearnerRunState
from services.progress.domain.path import TimeRule
from services.progress.domain.sittings import with_stretch
from services.progress.domain.views import learner_progress
from tests.unit.progress.examples import ADA, DAY, HOUR, MONDAY, RUN, activity, plan, run_state

ONLINE = AttendanceMode.ONLINE
instants = st.datetimes(datetime(2019, 6, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
learners = st.builds(
    run_state,
    mode=st.none() | st.sampled_from(AttendanceMode),
    overdue=st.integers(0, 120),
    counted=st.builds(
        Counts,
        learners=st.just(1),
        completed_path=st.integers(0, 1),
        completed_activities=st.integers(0, 200),
        open_catch_ups=st.integers(0, 3),
    ),
    last_seen_at=st.none() | instants,
    behind_since=st.none() | instants,
    enrolled_at=st.none() | instants,
    group_ids=st.lists(st.sampled_from("abc"), unique=True).map(tuple),
)
filters = st.one_of(
    st.just(ProgressFilter()),
    st.builds(ProgressFilter, mode=st.sampled_from(AttendanceMode)),
    st.builds(ProgressFilter, group_id=st.sampled_from("abcd")),
    st.builds(ProgressFilter, overdue=st.integers(1, 130)),
    st.builds(ProgressFilter, open_catch_ups=st.booleans()),
    st.builds(ProgressFilter, not_seen_since=instants),
    st.builds(ProgressFilter, path_completed=st.booleans()),
    st.builds(ProgressFilter, behind=st.booleans()),
)


def is_wanted(one: LearnerRunState, wanted: ProgressFilter) -> bool:
    """Whether a filter lets a learner in, as its fields say it."""
    since = wanted.not_seen_since
    signs = [at for at in (one.last_seen_at, one.enrolled_at) if at is not None]
    return all(
        (
            wanted.mode is None or one.mode is wanted.mode,
            wanted.group_id is None or wanted.group_id in one.group_ids,
            wanted.overdue is None or one.overdue >= wanted.overdue,
            wanted.open_catch_ups is None
            or wanted.open_catch_ups == (one.counted.open_catch_ups > 0),
            wanted.path_completed is None or wanted.path_completed == one.counted.completed_path,
            wanted.behind is None or wanted.behind == (one.behind_since is not None),
            since is None or all(at < since for at in signs),
        )
    )


@given(learners, filters)
def test_each_learner_of_a_filter_is_in_its_buckets(
    one: LearnerRunState, wanted: ProgressFilter
) -> None:
    """Whoever a filter lets in is in one of its buckets; in the buckets of a trait, nobody else."""
    listed = listing(one, None)
    assert listed is not None
    is_in = not set(listed.buckets).isdisjoint(buckets_of(wanted, MONDAY + 400 * DAY))
    if is_wanted(one, wanted):
        assert is_in
    elif wanted.not_seen_since is None and (wanted.overdue or 0) <= class_page.MANY_OVERDUE:
        assert not is_in


@given(filters, st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_a_filter_needs_few_buckets(wanted: ProgressFilter, now: datetime) -> None:
    """Until 2040, no filter needs more buckets than MongoDB merges, whatever instant it names."""
    if wanted.not_seen_since is not None:
        wanted = ProgressFilter(not_seen_since=now)
    assert len(buckets_of(wanted, now)) <= class_page.MOST_BUCKETS
    far = ProgressFilter(not_seen_since=datetime(2199, 1, 1, tzinfo=UTC))
    assert len(buckets_of(far, now)) <= class_page.MOST_BUCKETS


def test_there_are_few_cells() -> None:
    """All cells together, which have all learners, are fewer than MongoDB merges."""
    count = prod(len(trait.values) for trait in TRAITS.values())
    assert len(buckets_of(ProgressFilter(), MONDAY)) == count <= class_page.MOST_BUCKETS


def test_members_of_the_callers_groups() -> None:
    """Only members of a caller's groups are looked for; of a filter by group, its members."""
    groups = {"b", "a"}
    assert buckets_of(ProgressFilter(mode=ONLINE), MONDAY, groups) == ["group:a", "group:b"]
    assert buckets_of(ProgressFilter(group_id="b"), MONDAY, groups) == ["group:b"]


def test_who_has_no_place_is_in_no_list() -> None:
    """A learner who left is in no bucket, and so is one who waits."""
    for state in (EnrolmentState.WITHDRAWN, EnrolmentState.WAITLISTED, None):
        assert listing(run_state(state=state), None) is None


def test_each_column_has_a_number() -> None:
    """Every column but the learner's id has a number that grows with what it shows."""
    assert NUMBERS.keys() == set(Column) - {Column.LEARNER_ID}
    low = run_state(mode=AttendanceMode.CLASSROOM)
    high = run_state(
        counted=Counts(1, 1, 9, 2, 0, 3),
        overdue=4,
        last_seen_at=MONDAY,
        mode=AttendanceMode.SELF_PACED,
        enrolled_at=MONDAY + timedelta(milliseconds=1),
        scores={"essay": -1.0, "gone": 1.0},
        sittings=with_stretch(b"", MONDAY, HOUR),
        behind_since=MONDAY,
    )
    by = plan(activity("essay"))
    for column, number in NUMBERS.items():
        assert number(low, by) < number(high, by), column


def test_a_learner_who_studies_stays_in_place() -> None:
    """What a learner does within ten minutes moves nothing in an index."""
    one = run_state(last_seen_at=MONDAY)
    assert listing(one, None) == listing(
        replace(one, last_seen_at=MONDAY + timedelta(minutes=9)), None
    )
    assert listing(one, None) != listing(
        replace(one, last_seen_at=MONDAY + timedelta(minutes=10)), None
    )


@given(
    st.lists(st.integers(-300, 300), max_size=5),
    st.sets(st.integers(0, 4)),
    st.integers(0, 4),
    st.integers(-300, 300),
)
def test_overdue_is_right_until_the_next_look(
    hours: list[int], completed: set[int], extended: int, later: int
) -> None:
    """The stored number of overdue activities is that of the row, from now until the learner is
    looked at again.
    """
    steps = [
        activity(f"a{place}", deadline=TimeRule(fixed=MONDAY + hour * HOUR))
        for place, hour in enumerate(hours)
    ]
    given_ = run_state(
        completed={f"a{place}": MONDAY for place in completed if place < len(hours)},
        extensions={f"a{extended}": Extension(MONDAY + later * HOUR, 1)},
    )
    by = plan(*steps)
    found = with_overdue(given_, by, MONDAY, Dues(by, given_))
    assert found.overdue == learner_progress(given_, by, MONDAY).overdue
    until = found.next_due_at or MONDAY + 1000 * HOUR
    assert until > MONDAY
    just_before = learner_progress(given_, by, until - timedelta(milliseconds=1))
    assert just_before.overdue == found.overdue
    if found.next_due_at:
        assert learner_progress(given_, by, found.next_due_at).overdue > found.overdue


def test_the_timer_keeps_an_earlier_appointment() -> None:
    """A due that passes later than something else is to tell puts nothing off."""
    by = plan(activity("essay", deadline=TimeRule(fixed=MONDAY + DAY)))
    one = run_state(next_due_at=MONDAY + HOUR)
    assert with_overdue(one, by, MONDAY, Dues(by, one)).next_due_at == MONDAY + HOUR
    gone = run_state(state=EnrolmentState.WITHDRAWN, overdue=3)
    assert with_overdue(gone, by, MONDAY, Dues(by, gone)).overdue == 0


def test_what_learners_add_up_to() -> None:
    """Overdue and silent learners, and the modes, follow from cells and days alone."""
    now = MONDAY + 30 * DAY
    some = [
        run_state(mode=ONLINE, overdue=2, last_seen_at=now),
        run_state(mode=ONLINE, counted=Counts(completed_path=1), last_seen_at=now - 14 * DAY),
        run_state(mode=AttendanceMode.CLASSROOM, last_seen_at=now - 15 * DAY),
        run_state(mode=None, enrolled_at=now - 16 * DAY),
        run_state(mode=None, enrolled_at=now),
    ]
    listed = [replace(one, listing=listing(one, None)) for one in some]
    found = overview(Counter(bucket for one in listed for bucket in counted_buckets(one)), now)
    assert (found.overdue_learners, found.silent_learners) == (1, 2)
    assert found.modes == [
        ModeSummary(AttendanceMode.CLASSROOM, 1, 0, 0),
        ModeSummary(ONLINE, 2, 1, 1),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, run_id="run-2"),
        lambda one: replace(one, order_by=Column.OVERDUE),
        lambda one: replace(one, descending=True),
        lambda one: replace(one, filter=ProgressFilter(overdue=2)),
    ],
)
def test_lists_have_different_marks(change: Callable[[Selection], Selection]) -> None:
    """A list of another run, order or filter has another mark, and the same list the same."""
    one = Selection(RUN, filter=ProgressFilter(overdue=1))
    assert change(one).mark != one.mark == Selection(RUN, filter=ProgressFilter(overdue=1)).mark


def test_the_plain_list() -> None:
    """All learners by their ids are the plain list; any other order or filter is not."""
    assert Selection(RUN).is_plain
    assert not Selection(RUN, descending=True).is_plain
    assert not Selection(ADA, filter=ProgressFilter(path_completed=False)).is_plain
