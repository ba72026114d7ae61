"""The class page: a run's learners by any column, with one filter, as if sorted here."""

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from campus import progress_command
from chassis.data.pages import write_token
from services.progress import api_class_page
from services.progress.domain.class_page import DAY_ZERO, LAST_SEEN_STEP, TIME_STEP, Column
from services.progress.timers import tell_dues
from tests.deep import DEEP, deep
from tests.integration.progress.classroom import (
    ABSENT,
    DAY,
    FILM,
    HOUR,
    PRESENT,
    RUN,
    Classroom,
    Stub,
    available,
    enrolled,
    lecture,
    opened,
    path,
    recorded,
    refused,
    stamp,
    task,
    withdrawn,
)

LEARNERS = [f"l{number:02}" for number in range(14)]
GROUPS = ("group-a", "group-b")
MODES = [number for number in types_pb2.AttendanceMode.values() if number]
Row = resources_pb2.LearnerProgress
List = progress_pb2.ListRunProgressRequest
INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED


def column(name: str) -> Any:
    """The contract's number of a column."""
    return progress_pb2.ProgressColumn.Value(f"PROGRESS_COLUMN_{name}")


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


def listed(stub: Stub, request: progress_pb2.ListRunProgressRequest) -> list[Row]:
    """All rows of a list, page by page."""
    rows, token = list[Row](), ""
    while True:
        page = List()
        page.CopyFrom(request)
        page.page_token = token
        answer = stub.ListRunProgress(page)
        rows += answer.learners
        token = answer.next_page_token
        if not token:
            return rows


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


def begun(classroom: Classroom, dice: random.Random) -> None:
    """A run with dues, groups, and a class that some have missed."""
    now = classroom.clock.now()
    fixed = catalog_resources.TimeRule(fixed=stamp(now + DAY))
    later = catalog_resources.TimeRule()
    later.after_enrolment.seconds = 2 * 86400
    extra = task("extra", optional=True, deadline=fixed)
    classroom.open(
        task(deadline=fixed), task("lab", deadline=later), lecture(), extra, learners=LEARNERS[2:]
    )
    classroom.hold_class(**{each: dice.choice([ABSENT, PRESENT]) for each in LEARNERS[2:9]})
    classroom.hear("attendance", recorded(), available(FILM, 3600))


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


def buckets_summed(classroom: Classroom) -> dict[str, int]:
    """The run's learners in each bucket, as the summary adds them up."""
    totals = classroom.database.reader().totals(RUN).buckets
    return {bucket: count for bucket, count in totals.items() if count}


def buckets_counted(classroom: Classroom) -> dict[str, int]:
    """The same, counted from the learners."""
    rows = classroom.database.mongo["standings"].find({"run_id": RUN, "state": "ENROLLED"})
    return dict(Counter(bucket for row in rows for bucket in row["listing"]["buckets"][:2]))


def test_racing_batches_count_each_learner_once(classroom: Classroom) -> None:
    """Four workers that apply the same deliveries at once leave each one in one cell and day."""
    begun(classroom, random.Random(1))
    done = [classroom.said(each, "completed", activity_id="essay") for each in LEARNERS]
    batch = [
        classroom.event(events_pb2.StatementsRecorded(learner_id=row.learner_id, statements=[row]))
        for row in done
    ]
    classroom.clock.forward(days=1, hours=1)
    causes: list[Callable[[], object]] = [lambda: classroom.apply("statements", batch)] * 3
    causes.append(lambda: tell_dues(classroom.database))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda cause: cause(), causes))
    classroom.settle()
    assert buckets_summed(classroom) == buckets_counted(classroom)
    assert sum(buckets_counted(classroom).values()) == 2 * classroom.summary().learners


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


def test_silent_learners(classroom: Classroom) -> None:
    """Who has done nothing for two weeks is counted, and who came since then is not."""
    begun(classroom, random.Random(3))
    classroom.clock.forward(days=15)
    classroom.hear("plans", enrolled(LEARNERS[0], classroom.clock.now()))
    classroom.record(classroom.said(LEARNERS[2], "completed", activity_id="essay"))
    classroom.settle()
    assert classroom.summary().silent_learners == len(LEARNERS[3:])
    since = stamp(classroom.clock.now() - 14 * DAY)
    request = List(run_id=RUN, filter=progress_pb2.ProgressFilter(not_seen_since=since))
    assert [row.learner_id for row in listed(classroom.staff, request)] == LEARNERS[3:]


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


def tutor_of(classroom: Classroom, group: str) -> None:
    """Lise becomes an observer of a group."""
    staff = catalog_resources.StaffMember(
        person_id="lise", role=options_pb2.STAFF_ROLE_OBSERVER, group_ids=[group]
    )
    facts = catalog.RunFacts(run_id=RUN, staff=[staff], policy=opened().policy, zone="UTC")
    classroom.hear("plans", catalog.RunStaffChanged(run_id=RUN, run=facts))


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


def exported(stub: Stub, **fields: Any) -> list[list[str]]:
    """The lines of an export, read as CSV."""
    pieces = stub.ExportRunProgress(progress_pb2.ExportRunProgressRequest(run_id=RUN, **fields))
    return list(csv.reader(io.StringIO("".join(piece.csv for piece in pieces), newline="")))


def test_an_export_has_what_the_list_has(classroom: Classroom, monkeypatch: Any) -> None:
    """In pieces that are smaller than the run, an export has a header and a line for each row of
    the same list.
    """
    monkeypatch.setattr(api_class_page, "PIECE", 5)
    begun(classroom, random.Random(7))
    result = resources_pb2.Result(scaled_score=0.12345678)
    classroom.record(classroom.said(LEARNERS[3], "completed", activity_id="essay", result=result))
    classroom.settle()
    order: dict[str, Any] = {"order_by": column("COMPLETED"), "descending": True}
    header, *lines = exported(classroom.staff, **order)
    rows = listed(classroom.staff, List(run_id=RUN, **order))
    assert [line[0] for line in lines] == [row.learner_id for row in rows]
    (row,) = (row for row in rows if row.learner_id == LEARNERS[3])
    (line,) = (line for line in lines if line[0] == LEARNERS[3])
    at = classroom.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    assert dict(zip(header, line, strict=True)) == {
        "learner_id": LEARNERS[3],
        "mode": "ONLINE",
        "groups": "",
        "enrolled_at": at,
        "completed": str(row.completed),
        "required": "3",
        "overdue": "0",
        "open_catch_ups": str(row.open_catch_ups),
        "missed_catch_ups": "0",
        "last_seen_at": at,
        "time_on_task": "0",
        "mean_score": "0.123457",
        "behind_since": "",
        "completed_at": "",
    }
    some = exported(classroom.staff, filter=progress_pb2.ProgressFilter(overdue=1))
    assert some == [header]


def test_the_command_writes_the_export(
    classroom: Classroom, monkeypatch: Any, tmp_path: Path
) -> None:
    """`tandem progress export RUN` writes the file as it comes; for an unknown run it fails, and
    writes nothing.
    """
    classroom.open(task(), learners=LEARNERS)
    channel = classroom.channel_for("curie", "registrar")
    monkeypatch.setattr(progress_command, "channel_to", lambda *_: nullcontext(channel))
    file, none = tmp_path / "run.csv", tmp_path / "none.csv"
    command = progress_command.progress
    result = CliRunner().invoke(command, ["export", RUN, "--output", str(file)])
    assert result.exit_code == 0
    assert file.read_bytes().count(b"\r\n") == len(LEARNERS) + 1
    with file.open(newline="", encoding="utf-8") as written:
        assert list(csv.reader(written)) == exported(classroom.staff)
    result = CliRunner().invoke(command, ["export", "unknown", "--output", str(none)])
    assert (result.exit_code, none.exists()) == (1, False)


def test_an_export_has_no_formula(classroom: Classroom) -> None:
    """Ids that a spreadsheet would take for formulas, or that have quotes, commas and lines, come
    as texts.
    """
    ids = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a "b", c', "a\r\nb", "Zoë 🎓"]
    classroom.open(task(), learners=ids)
    found = {line[0] for line in exported(classroom.staff)[1:]}
    assert found == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", 'a "b", c', "a\r\nb", "Zoë 🎓"}


def test_who_may_export(classroom: Classroom) -> None:
    """Staff of a group export the group's learners; others are refused, and so is a bad request."""
    begun(classroom, random.Random(8))
    for place, learner in enumerate(LEARNERS[2:]):
        changed = catalog.GroupMemberChanged(
            enrolment_id=f"e-{learner}",
            run_id=RUN,
            learner_id=learner,
            group_ids=[GROUPS[place % 2]],
        )
        classroom.hear("plans", changed)
    tutor_of(classroom, GROUPS[0])
    lise = Stub(classroom.channel_for("lise"))
    assert [line[0] for line in exported(lise)[1:]] == LEARNERS[2::2]
    other = progress_pb2.ProgressFilter(group_id=GROUPS[1])
    assert refused(lambda: exported(lise, filter=other))[0] is DENIED
    stranger = Stub(classroom.channel_for("mallory", "learner"))
    assert refused(lambda: exported(stranger))[0] is DENIED
    nothing = progress_pb2.ProgressFilter()
    assert refused(lambda: exported(classroom.staff, filter=nothing))[0] is INVALID
    unknown = progress_pb2.ExportRunProgressRequest(run_id="unknown")
    status, _ = refused(lambda: list(classroom.staff.ExportRunProgress(unknown)))
    assert status is grpc.StatusCode.NOT_FOUND
