"""The class page: a run's learners by any column, with one filter, as if sorted here."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.data.pages import write_token
from services.progress.domain.class_page import DAY_ZERO, LAST_SEEN_STEP, TIME_STEP, Column
from services.progress.timers import tell_dues
from tests.deep import DEEP, deep
from tests.integration.progress.class_pages import (
    DENIED,
    GROUPS,
    INVALID,
    LEARNERS,
    MODES,
    List,
    Row,
    begun,
    buckets_counted,
    buckets_summed,
    column,
    listed,
    tutor_of,
)
from tests.integration.progress.classroom import (
    DAY,
    HOUR,
    RUN,
    Classroom,
    Stub,
    enrolled,
    opened,
    path,
    refused,
    stamp,
    task,
    withdrawn,
)


def of_row(row: Row, name: str) -> int:
    """What a column sorts a row by, as the contract says it."""
    if name == "LAST_SEEN":
        seen = row.last_seen_at.ToDatetime(tzinfo=UTC)
        return (seen - DAY_ZERO) // LAST_SEEN_STEP + 1 if row.HasField("last_seen_at") else 0
    if name == "SCORE":
        return round((row.mean_score + 1) * 1e6) + 1 if row.HasField("mean_score") else 0
    if name == "TIME_ON_TASK":
        return row.time_on_task.ToTimedelta() // TIME_STEP
    if name == "BEHIND_SINCE":
        return int(row.falling_behind.since.ToNanoseconds())
    if name == "ENROLLED_AT":
        return int(row.enrolled_at.ToNanoseconds())
    return int(getattr(row, name.lower()))


def is_wanted(row: Row, wanted: progress_pb2.ProgressFilter) -> bool:
    """Whether a filter lets a row in, as the contract says it."""
    kind = wanted.WhichOneof("kind")
    since = wanted.not_seen_since.ToNanoseconds()
    return {
        None: True,
        "mode": row.mode == wanted.mode,
        "group_id": wanted.group_id in row.group_ids,
        "overdue": row.overdue >= wanted.overdue,
        "open_catch_ups": wanted.open_catch_ups == (row.open_catch_ups > 0),
        "behind": wanted.behind == row.HasField("falling_behind"),
        "path_completed": wanted.path_completed == row.HasField("completed_at"),
        "not_seen_since": max(row.last_seen_at.ToNanoseconds(), row.enrolled_at.ToNanoseconds())
        < since,
    }[kind]


def filters(now: datetime) -> list[progress_pb2.ProgressFilter]:
    """Filters of each kind, and none."""
    made = progress_pb2.ProgressFilter
    return [
        *(made(mode=mode) for mode in MODES),
        *(made(group_id=group) for group in (*GROUPS, "unknown")),
        *(made(overdue=least) for least in (1, 2, 200)),
        *(made(open_catch_ups=some) for some in (True, False)),
        *(made(path_completed=some) for some in (True, False)),
        *(made(behind=some) for some in (True, False)),
        *(made(not_seen_since=stamp(now - ago)) for ago in (timedelta(), 12 * HOUR, 3 * DAY)),
    ]


def requests(now: datetime) -> Iterator[progress_pb2.ListRunProgressRequest]:
    """Each column up and down, without a filter and with each."""
    for name, descending in product(Column, (False, True)):
        for wanted in (None, *filters(now)):
            yield List(
                run_id=RUN, order_by=column(name), descending=descending, filter=wanted, page_size=5
            )


def expected(rows: Sequence[Row], request: progress_pb2.ListRunProgressRequest) -> list[Row]:
    """The rows that a filter lets in, sorted here."""
    name = progress_pb2.ProgressColumn.Name(request.order_by).removeprefix("PROGRESS_COLUMN_")

    def key(row: Row) -> tuple[Any, ...]:
        return (row.learner_id,) if name == "LEARNER_ID" else (of_row(row, name), row.learner_id)

    among = [row for row in rows if is_wanted(row, request.filter)]
    return sorted(among, key=key, reverse=request.descending)


def step(classroom: Classroom, dice: random.Random) -> None:
    """Something happens to a learner, or time passes."""
    learner, now = dice.choice(LEARNERS), classroom.clock.now()
    who: dict[str, Any] = {"enrolment_id": f"e-{learner}", "run_id": RUN, "learner_id": learner}
    steps: list[Callable[[], object]] = [
        lambda: classroom.hear("plans", enrolled(learner, now)),
        lambda: classroom.hear("plans", withdrawn(learner)),
        lambda: classroom.hear(
            "plans", catalog.EnrolmentModeChanged(**who, to_mode=dice.choice(MODES))
        ),
        lambda: classroom.hear(
            "plans", catalog.GroupMemberChanged(**who, group_ids=dice.sample(GROUPS, 1))
        ),
        *[
            lambda: classroom.record(
                classroom.said(
                    learner,
                    "completed",
                    activity_id=dice.choice(["essay", "lab", "extra"]),
                    result=resources_pb2.Result(scaled_score=dice.choice([-0.5, 0.25, 1])),
                )
            )
        ]
        * 3,
        lambda: classroom.clock.forward(hours=dice.choice([1, 7, 20])),
    ]
    dice.choice(steps)()


@deep
@pytest.mark.parametrize("seed", range(6 if DEEP else 1))
def test_a_page_is_what_sorting_gives(classroom: Classroom, seed: int) -> None:
    """After any changes, each list is what filtering and sorting all rows gives: by every column,
    up and down, with every filter; and the counted buckets are those of the learners.
    """
    dice = random.Random(seed)
    begun(classroom, dice)
    for _ in range(40):
        step(classroom, dice)
    classroom.settle()
    rows = listed(classroom.staff, List(run_id=RUN))
    wanted = list(requests(classroom.clock.now()))
    for request in wanted if DEEP else dice.sample(wanted, 60):
        assert listed(classroom.staff, request) == expected(rows, request), request
    assert buckets_summed(classroom) == buckets_counted(classroom)
    summary = classroom.summary()
    assert summary.overdue_learners == sum(row.overdue > 0 for row in rows)
    assert {each.mode: each.learners for each in summary.modes} == Counter(row.mode for row in rows)
    done = sum(row.completed / row.required for row in rows)
    assert summary.average_share == pytest.approx(done / len(rows))


def test_a_due_that_passes_moves_the_learner(classroom: Classroom) -> None:
    """Without any event, the list by overdue work is right after the timer's turn."""
    begun(classroom, random.Random(2))
    classroom.record(classroom.said(LEARNERS[2], "completed", activity_id="essay"))
    classroom.settle()
    request = List(run_id=RUN, filter=progress_pb2.ProgressFilter(overdue=1))
    assert listed(classroom.staff, request) == []
    classroom.clock.forward(days=1, seconds=1)
    tell_dues(classroom.database)
    found = [row.learner_id for row in listed(classroom.staff, request)]
    assert found == LEARNERS[3:]
    assert classroom.summary().overdue_learners == len(LEARNERS[3:])


def test_a_due_after_the_runs_end_moves_the_learner_too(classroom: Classroom) -> None:
    """Nothing is told of such a due any more, but it is overdue all the same."""
    now = classroom.clock.now()
    late = catalog_resources.TimeRule(fixed=stamp(now + 40 * DAY))
    ends = catalog.RunOpened(
        run_id=RUN,
        title="Physics",
        zone="UTC",
        start_date=str(now.date()),
        end_date=str((now + 7 * DAY).date()),
        policy=opened().policy,
    )
    classroom.hear("plans", ends, path(task(deadline=late)), enrolled("ada", now))
    classroom.clock.forward(days=41)
    classroom.settle()
    request = List(
        run_id=RUN, order_by=column("OVERDUE"), filter=progress_pb2.ProgressFilter(overdue=1)
    )
    assert [row.overdue for row in listed(classroom.staff, request)] == [1]


def test_learners_of_an_older_version_are_listed(classroom: Classroom) -> None:
    """Learners whom an older version stored are in the plain list at once, and in each list after
    the timer's turn.
    """
    begun(classroom, random.Random(4))
    mongo = classroom.database.mongo
    mongo["standings"].update_many({}, {"$unset": {"listing": 1, "overdue": 1}})
    mongo["summaries"].update_many({}, {"$unset": {"buckets": 1}})
    assert len(listed(classroom.staff, List(run_id=RUN))) == len(LEARNERS[2:])
    request = List(run_id=RUN, descending=True)
    assert listed(classroom.staff, request) == []
    classroom.clock.forward(days=1, hours=1)
    tell_dues(classroom.database)
    assert len(listed(classroom.staff, request)) == len(LEARNERS[2:])
    assert classroom.summary().overdue_learners == len(LEARNERS[2:])
    assert buckets_summed(classroom) == buckets_counted(classroom)


def test_a_token_is_of_one_list(classroom: Classroom) -> None:
    """A token of another order, filter or run is refused, and so is one that nobody made."""
    classroom.open(task(), learners=LEARNERS)
    classroom.hear("plans", catalog.RunOpened(run_id="other", title="Other", zone="UTC"))
    given: dict[str, Any] = {"run_id": RUN, "page_size": 3, "order_by": column("MODE")}
    online = progress_pb2.ProgressFilter(mode=types_pb2.ATTENDANCE_MODE_ONLINE)
    token = classroom.staff.ListRunProgress(List(**given, filter=online)).next_page_token
    again = List(**given, filter=online, page_token=token)
    assert len(classroom.staff.ListRunProgress(again).learners) == 3
    others = [
        {"filter": online, "descending": True},
        {"filter": online, "order_by": column("OVERDUE")},
        {"filter": {"open_catch_ups": False}},
        {},
        {"filter": online, "run_id": "other"},
        {"order_by": 0},
    ]
    for other in others:
        wrong = List(**{**given, **other}, page_token=token)
        status, text = refused(lambda wrong=wrong: classroom.staff.ListRunProgress(wrong))  # type: ignore[misc]
        assert (status, "page_token" in text) == (INVALID, True), other
    mark = "0" * 16
    for values in ([], [mark], [mark, 1, "l"], [mark, "1", "l"], [mark, 1, None], [1, 1, "l"]):
        wrong = List(**given, filter=online, page_token=write_token(values))
        assert refused(lambda wrong=wrong: classroom.staff.ListRunProgress(wrong))[0] is INVALID  # type: ignore[misc]


def test_a_filter_that_says_nothing_is_refused(classroom: Classroom) -> None:
    """Without a kind, or with an empty value, a filter would list all learners."""
    classroom.open(task(), learners=LEARNERS)
    made = progress_pb2.ProgressFilter
    for wrong, field in (
        (made(), "filter"),
        (made(mode=types_pb2.ATTENDANCE_MODE_UNSPECIFIED), "filter.mode"),
        (made(group_id=""), "filter.group_id"),
        (made(overdue=0), "filter.overdue"),
    ):
        request = List(run_id=RUN, filter=wrong)
        status, text = refused(lambda request=request: classroom.staff.ListRunProgress(request))  # type: ignore[misc]
        assert (status, field in text) == (INVALID, True), wrong


def test_a_tutor_lists_the_own_groups(classroom: Classroom) -> None:
    """By every column and filter, staff of a group get the group's learners and summary, and no
    other group's; a filter by another group is refused.
    """
    begun(classroom, random.Random(5))
    for place, learner in enumerate(LEARNERS[2:]):
        who: dict[str, Any] = {"enrolment_id": f"e-{learner}", "run_id": RUN}
        groups = [GROUPS[place % 2]] if place % 3 else GROUPS
        changed = catalog.GroupMemberChanged(**who, learner_id=learner, group_ids=groups)
        classroom.hear("plans", changed)
    tutor_of(classroom, GROUPS[0])
    classroom.clock.forward(days=1, hours=1)
    classroom.settle()
    lise = Stub(classroom.channel_for("lise"))
    everyone = listed(classroom.staff, List(run_id=RUN))
    rows = [row for row in everyone if GROUPS[0] in row.group_ids]
    summary = lise.ListRunProgress(List(run_id=RUN)).summary
    assert 0 < summary.learners == len(rows) < len(everyone)
    assert summary.overdue_learners == sum(row.overdue > 0 for row in rows)
    for request in random.Random(6).sample(list(requests(classroom.clock.now())), 40):
        group = request.filter.group_id
        if group and group != GROUPS[0]:
            assert refused(lambda request=request: lise.ListRunProgress(request))[0] is DENIED  # type: ignore[misc]
        else:
            assert listed(lise, request) == expected(rows, request), request
