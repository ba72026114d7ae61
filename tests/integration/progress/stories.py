"""A term whose events arrive in any order, with repeats, in racing units of work; and its outcome.

It leaves out what still depends on the order: an absence that is withdrawn, or a recording that
is replaced, after its catch-up was studied or missed; learners who study, and withdraw.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.messaging.subscriptions import Subscription
from services.progress.store import ProgressStore
from services.progress.timers import reevaluate
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
    cancelled,
    ended,
    enrolled,
    finalised,
    item,
    lecture,
    opened,
    path,
    recorded,
    scheduled,
    stamp,
    task,
    withdrawn,
)

STEPS = (item("watch", FILM), item("read", BOOK, optional=True), task(), lecture())
MODES = {
    name.removeprefix("ATTENDANCE_MODE_"): number
    for name, number in types_pb2.AttendanceMode.items()
}
REQUIRED = frozenset({"watch", "essay", "lecture"})


@dataclass(frozen=True)
class QueuedEvent:
    """An event, and the queue that brings it."""

    queue: str
    event: Event[Any]


def story(classroom: Classroom, learners: Sequence[str]) -> list[QueuedEvent]:
    """A term's events in the order in which they happened.

    Of each four learners one was absent and studies, one was absent and does not, one was there,
    and one is excused. Each hands work in, but for the last of all, who withdraws.
    """
    return [
        QueuedEvent(queue, classroom.event(data)) for queue, data in _happened(classroom, learners)
    ]


def _happened(classroom: Classroom, learners: Sequence[str]) -> Iterator[tuple[str, Message]]:
    now = classroom.clock.now()
    yield "plans", opened()
    yield "plans", path(task("old"))
    yield "plans", path(*STEPS, version=2)
    yield "plans", scheduled(now - HOUR)
    off = cancelled(now, substitute=BOOK)
    off.session_id = "class-2"
    yield "plans", off
    for each in learners:
        yield "plans", enrolled(each, now)
        yield "plans", _online(each)
        yield "plans", _extended(classroom, each)
    yield "plans", ended(now)
    statuses = [ABSENT, ABSENT, PRESENT, ABSENT]
    for part, first in enumerate(range(0, len(learners), 4), 1):
        some = dict(zip(learners[first : first + 4], statuses, strict=False))
        yield "attendance", finalised(now, some, part=part, parts=-(-len(learners) // 4))
    for each in learners[3::4]:
        yield "attendance", amended(each, EXCUSED)
    yield "attendance", recorded()
    yield "attendance", available(FILM, 3600)
    yield "attendance", available(BOOK)
    for place, each in enumerate(learners[:-1]):
        yield from _studied(classroom, each, place)
    yield "plans", withdrawn(learners[-1])


def _studied(classroom: Classroom, learner: str, place: int) -> Iterator[tuple[str, Message]]:
    said = [classroom.said(learner, "completed", activity_id="essay")]
    if place % 4 == 0:
        said += [classroom.watched(learner, part) for part in ("0[.]2000", "1800[.]3600")]
    for each in said:
        yield "statements", events_pb2.StatementsRecorded(learner_id=learner, statements=[each])


def _online(learner: str) -> catalog.EnrolmentModeChanged:
    return catalog.EnrolmentModeChanged(
        enrolment_id=f"e-{learner}",
        run_id=RUN,
        learner_id=learner,
        to_mode=types_pb2.ATTENDANCE_MODE_CLASSROOM,
    )


def _extended(classroom: Classroom, learner: str) -> catalog.DueExtended:
    return catalog.DueExtended(
        enrolment_id=f"e-{learner}",
        run_id=RUN,
        learner_id=learner,
        activity_id="essay",
        until=stamp(classroom.clock.now() + timedelta(days=9)),
    )


# How the events arrive


def hear(
    database: Database[ProgressStore],
    subscription: Subscription[ProgressStore],
    batch: Sequence[QueuedEvent],
    meanwhile: Callable[[], object] = lambda: None,
) -> list[QueuedEvent]:
    """Apply a batch; answers those that are to come back later.

    `meanwhile` happens when its unit of work has read, and has written nothing yet.
    """
    todo = [meanwhile]

    def handle(store: ProgressStore, some: Sequence[Event[Any]]) -> None:
        if todo:  # not when it begins again after a race that it lost
            todo.pop()()
        subscription.handle(store, some)

    deliveries = [
        Delivery(events.body_of(each.event.data), events.headers_of(each.event)) for each in batch
    ]
    dispositions = apply(database, replace(subscription, handle=handle), deliveries)
    for act in todo:
        act()  # all of the batch were repeats
    assert {disposition.kind for disposition in dispositions} <= {
        Kind.APPLIED,
        Kind.REPEAT,
        Kind.WAIT,
    }
    return [
        each
        for each, disposition in zip(batch, dispositions, strict=True)
        if disposition.kind is Kind.WAIT
    ]


def tell(classroom: Classroom, batches: list[list[QueuedEvent]], racing: Sequence[int]) -> None:
    """Have batches applied, during each of which so many of the next ones are."""
    left, counts = list(batches), list(racing)

    def one() -> None:
        batch, races = left.pop(0), counts.pop(0) if counts else 0
        if not batch:
            reevaluate(classroom.database)
            return

        def others() -> None:
            for _ in range(min(races, len(left))):
                if left:
                    one()

        queue = classroom.queues[f"progress.{batch[0].queue}"]
        waits = hear(classroom.database, queue, batch, others)
        if waits:
            left.append(waits)

    while left:
        one()


# What it comes to


def outcome(classroom: Classroom) -> dict[str, Any]:
    """Each learner's state when no work is left, and the published events."""
    classroom.settle_for_good()
    mongo = classroom.database.mongo
    assert list(mongo["plan_revisits"].find()) == list(mongo["item_news"].find()) == []
    assert counts(classroom) == counted_afresh(classroom)
    published = [
        (each.learner_id, each.activity_id)
        for each in classroom.published(events_pb2.ActivityCompleted)
    ]
    assert len(published) == len(set(published))
    return {row["learner_id"]: _of(mongo, row) for row in mongo["standings"].find({"run_id": RUN})}


def _of(mongo: Any, row: dict[str, Any]) -> dict[str, Any]:
    who = {"run_id": RUN, "learner_id": row["learner_id"]}
    kept = [
        (one["session_id"], one["state"], one["item_ids"], one["in_time"], one["watched_share"])
        for one in mongo["catch_ups"].find({**who, "dropped": False})
    ]
    common = {
        "state": row["state"],
        "mode": row["mode"],
        "extensions": {key: one["until"] for key, one in row["extensions"].items()},
        "attendance": {key: one["verdict"] for key, one in row["attendance"].items()},
        "seen": row["last_seen_at"],
        "catch_ups": sorted(kept),
    }
    if row["state"] != "ENROLLED":
        return common
    return common | {"completed": sorted(row["completed"]), "version": row["path_version"]}


def counts(classroom: Classroom) -> dict[str, Any]:
    """The run's summary, as the API returns it."""
    summary = classroom.summary()
    fields = resources_pb2.RunSummary.DESCRIPTOR.fields
    numbers = [each.name for each in fields if each.name not in {"run_id", "modes"}]
    online = {each.mode: each.learners for each in summary.modes}
    return {"modes": online} | {name: getattr(summary, name) for name in numbers}


def counted_afresh(classroom: Classroom) -> dict[str, Any]:
    """The summary, counted from what is kept of each learner and of each statement event."""
    mongo = classroom.database.mongo
    rows = list(mongo["standings"].find({"run_id": RUN, "state": "ENROLLED"}))
    names = [row["learner_id"] for row in rows]
    ours = {"run_id": RUN, "learner_id": {"$in": names}, "dropped": False}
    kept = [(one["state"], one["in_time"]) for one in mongo["catch_ups"].find(ours)]
    done = [REQUIRED & row["completed"].keys() for row in rows]
    in_time, still_open = kept.count(("COMPLETED", True)), kept.count(("ASSIGNED", False))
    marks = {"_id": {"$regex": "^progress.statements:"}}
    return {
        "learners": len(rows),
        "completed_path": done.count(REQUIRED),
        "completed_activities": sum(map(len, done)),
        "open_catch_ups": still_open,
        "completed_catch_ups": in_time,
        "missed_catch_ups": len(kept) - in_time - still_open,
        "statements": mongo["inbox"].count_documents(marks),
        "falling_behind": sum(row["behind_since"] is not None for row in rows),
        "overdue_learners": sum(row["overdue"] > 0 for row in rows),
        "silent_learners": 0,
        "average_share": sum(map(len, done)) / len(rows) / len(REQUIRED),
        "modes": Counter(MODES[row["mode"]] for row in rows),
    }


def forget(classroom: Classroom) -> None:
    """Begin again with nothing in the database."""
    mongo = classroom.database.mongo
    for name in mongo.list_collection_names():
        if name != "migrations":
            mongo[name].delete_many({})
