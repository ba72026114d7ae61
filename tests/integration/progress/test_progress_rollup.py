"""The roll-up of a run: kept event by event, equal to what counting afresh would give."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts.events import Event
from tests.conftest import FakeClock
from tests.deep import DEEP, deep
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    EXCUSED,
    FILM,
    HOUR,
    PRESENT,
    RUN,
    Classroom,
    amended,
    available,
    ended,
    enrolled,
    finalised,
    item,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    task,
    withdrawn,
)

LEARNERS = [f"l{number}" for number in range(12)]
# Excused, whether that is told before or after the catch-up was studied or missed.
EXCUSED_LEARNER = LEARNERS[0]
STEPS = (item("watch", FILM), item("read", BOOK, optional=True), task(), lecture())
QueuedEvent = tuple[str, "Event[Message]"]


def _story(classroom: Classroom, dice: random.Random) -> list[QueuedEvent]:
    """A term's events, in the order in which they happened."""
    return [
        (queue, classroom.event(data, event_id=str(uuid.UUID(int=dice.getrandbits(128)))))
        for queue, data in _happened(classroom, dice)
    ]


def _happened(classroom: Classroom, dice: random.Random) -> Iterator[tuple[str, Message]]:
    now = classroom.clock.now()
    yield "plans", opened()
    yield "plans", path(task("old"))
    yield "plans", path(*STEPS, version=2)
    yield "plans", scheduled(now - HOUR)
    for learner in LEARNERS:
        yield "plans", enrolled(learner, now)
        for change in dice.sample(["leave", "return", "mode", "stay"], 2):
            yield from _changed(classroom, learner, change)
    yield "plans", ended(now)
    statuses = {each: dice.choice([ABSENT, PRESENT]) for each in LEARNERS}
    for part, first in enumerate(range(0, len(LEARNERS), 5), 1):
        some = {each: statuses[each] for each in LEARNERS[first : first + 5]}
        yield "attendance", finalised(now, some, part=part, parts=3)
    yield "attendance", recorded()
    yield "attendance", available(FILM, 3600)
    yield "attendance", available(BOOK)
    yield "attendance", amended(EXCUSED_LEARNER, EXCUSED)
    for _ in range(60):
        rows = [_did(classroom, dice) for _ in range(dice.randint(1, 3))]
        event = events_pb2.StatementsRecorded(learner_id=rows[0].learner_id, statements=rows)
        yield "statements", event


def _changed(classroom: Classroom, learner: str, change: str) -> Iterator[tuple[str, Message]]:
    if change == "leave":
        yield "plans", withdrawn(learner)
    if change == "return":
        yield "plans", enrolled(learner, classroom.clock.now())
    if change == "mode":
        yield (
            "plans",
            catalog.EnrolmentModeChanged(
                enrolment_id=f"e-{learner}",
                run_id=RUN,
                learner_id=learner,
                to_mode=types_pb2.ATTENDANCE_MODE_CLASSROOM,
            ),
        )


def _did(classroom: Classroom, dice: random.Random) -> resources_pb2.Statement:
    learner, start = dice.choice(LEARNERS), dice.randint(0, 3000)
    what = dice.choice(["watch", "watch", "watch", "read", "essay"])
    if what == "watch":
        return classroom.watched(learner, f"{start}[.]{min(3600, start + 1800)}")
    if what == "read":
        return classroom.said(learner, "experienced", item_id=BOOK)
    return classroom.said(learner, "completed", activity_id="essay")


def _shuffled(story: list[QueuedEvent], dice: random.Random) -> Iterator[list[QueuedEvent]]:
    """The story in disorder and with repeats, in batches of one queue each.

    Statements of an unknown run would wait; so the run is opened first.
    """
    yield story[:1]
    rest = story[1:] + dice.sample(story, len(story) // 2)
    dice.shuffle(rest)
    while rest:
        queue = rest[0][0]
        batch = [each for each in rest[:12] if each[0] == queue]
        rest = [each for each in rest[:12] if each[0] != queue] + rest[12:]
        yield batch


def _counted_afresh(classroom: Classroom) -> dict[str, int]:
    """The summary, counted from what is kept of each learner."""
    mongo = classroom.database.mongo
    enrolled_now = list(mongo["standings"].find({"run_id": RUN, "state": "ENROLLED"}))
    required = {each.id for each in STEPS if not each.optional}
    names = {each["learner_id"] for each in enrolled_now}
    rows = [
        (row["state"], row["in_time"])
        for row in mongo["catch_ups"].find({"run_id": RUN, "dropped": False})
        if row["learner_id"] in names
    ]
    done = [required & each["completed"].keys() for each in enrolled_now]
    count = Counter(rows)
    return {
        "learners": len(enrolled_now),
        "completed_path": sum(each == required for each in done),
        "completed_activities": sum(map(len, done)),
        "open_catch_ups": count["ASSIGNED", False],
        "completed_catch_ups": count["COMPLETED", True],
        "missed_catch_ups": count["MISSED", False] + count["COMPLETED", False],
    }


def _summary(classroom: Classroom) -> dict[str, int]:
    summary = classroom.summary()
    return {
        "learners": summary.learners,
        "completed_path": summary.completed_path,
        "completed_activities": summary.completed_activities,
        "open_catch_ups": summary.open_catch_ups,
        "completed_catch_ups": summary.completed_catch_ups,
        "missed_catch_ups": summary.missed_catch_ups,
    }


def _page(classroom: Classroom) -> progress_pb2.ListRunProgressResponse:
    request = progress_pb2.ListRunProgressRequest(run_id=RUN, page_size=1000)
    return classroom.staff.ListRunProgress(request)


@deep
@pytest.mark.parametrize("seed", range(5 if DEEP else 1))
def test_disorder_and_repeats_come_to_the_same(classroom: Classroom, seed: int) -> None:
    """Events in random order with repeats give the pages that they give in their own order."""
    dice = random.Random(seed)
    story = _story(classroom, dice)
    for batch in _shuffled(story, dice):
        classroom.apply(batch[0][0], [event for _, event in batch])
        if dice.random() < 0.2:
            classroom.settle()
    pages = [_finalised_page(classroom)]
    assert _summary(classroom) == _counted_afresh(classroom)

    classroom.database.client.drop_database(classroom.database.mongo.name)
    classroom.database.prepare()
    for queue, event in story:
        classroom.apply(queue, [event])
    pages.append(_finalised_page(classroom))
    assert _summary(classroom) == _counted_afresh(classroom)
    assert pages[0] == pages[1]


def _finalised_page(classroom: Classroom) -> progress_pb2.ListRunProgressResponse:
    """The class page at a time when every open catch-up is missed."""
    classroom.settle()
    classroom.clock.forward(days=4)
    classroom.settle()
    page = _page(classroom)
    classroom.clock.forward(days=-4)
    return page


def test_racing_batches_count_each_statement_once(classroom: Classroom) -> None:
    """Four workers that apply the same deliveries at once count every learner and row once."""
    classroom.open(task(), learners=LEARNERS)
    rows = [classroom.said(each, "completed", activity_id="essay") for each in LEARNERS]
    published = [
        classroom.event(events_pb2.StatementsRecorded(learner_id=row.learner_id, statements=[row]))
        for row in rows
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: classroom.apply("statements", published), range(4)))
    summary = classroom.summary()
    assert (summary.statements, summary.completed_activities) == (len(rows), len(rows))
    assert len(classroom.published(events_pb2.ActivityCompleted)) == len(rows)


def test_what_races_misses_nothing(classroom: Classroom) -> None:
    """Attendance, recording, item and enrolment at the same moment give one catch-up each."""
    now = classroom.clock.now()
    classroom.hear("plans", opened(), path(lecture()), scheduled(now - HOUR))
    half = len(LEARNERS) // 2
    first, second = dict.fromkeys(LEARNERS[:half], ABSENT), dict.fromkeys(LEARNERS[half:], ABSENT)
    causes: list[Callable[[], object]] = [
        lambda: classroom.hear("attendance", finalised(now, first, part=1, parts=2)),
        lambda: classroom.hear("attendance", finalised(now, second, part=2, parts=2)),
        lambda: classroom.hear("attendance", recorded()),
        lambda: classroom.hear("attendance", available(FILM, 3600)),
        lambda: classroom.hear("plans", ended(now)),
        lambda: classroom.hear("plans", *(enrolled(each, now) for each in LEARNERS)),
    ]
    with ThreadPoolExecutor(len(causes)) as pool:
        list(pool.map(lambda cause: cause(), causes))
    classroom.settle()
    assigned = [each.learner_id for each in classroom.published(events_pb2.CatchUpAssigned)]
    assert sorted(assigned) == sorted(LEARNERS)
    assert classroom.summary().open_catch_ups == len(LEARNERS)


def test_an_item_whose_length_becomes_known_is_judged_again(
    classroom: Classroom, clock: FakeClock
) -> None:
    """Statements that came before the library's word count as soon as it is there."""
    classroom.hear("plans", opened(), path(*STEPS), enrolled("l0", clock.now()))
    classroom.settle()
    classroom.record(classroom.watched("l0", "0[.]3600"))
    classroom.settle()
    assert classroom.published(events_pb2.ActivityCompleted) == []
    classroom.clock.forward(hours=1)
    classroom.hear("attendance", available(FILM, 3600))
    classroom.settle()
    (published,) = classroom.published(events_pb2.ActivityCompleted)
    assert published.activity_id == "watch"
