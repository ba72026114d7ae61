"""The class page of a run: a page of 50 learners by any column, with any filter."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from operator import itemgetter
from statistics import median, quantiles
from typing import Any

import psutil
from tandem.progress.v1 import progress_pb2

from bench import rig
from bench.figures import Figure, at_most, told
from chassis import roles
from chassis.data.pages import Page, write_token
from chassis.data.store import connect
from chassis.operations.settings import load
from services.progress.api import ProgressApi
from services.progress.domain.class_page import Column, ProgressFilter, Selection
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    ItemKind,
    SessionState,
)
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import Attendance, EnrolmentUpdate, merge
from services.progress.domain.path import Activity, Path, Policy, Run, TimeRule
from services.progress.domain.sessions import Item, Session
from services.progress.queries_class_page import run_progress
from services.progress.settings import Settings
from services.progress.store import ProgressStore
from services.progress.usecases.plans import learn_items, learn_paths, learn_runs
from services.progress.usecases.reviews import LearnerUpdate, review

SMALL, LARGE = 10_000, 100_000
SIZE, GOAL, ROUNDS, CHUNK = 50, 50.0, 3, 200
RUN, CLASS, FILM = "run", "class", "film"
ACTIVITIES, WEEKS = 30, 12
DATABASE = "bench_class_page"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE}
NOW = datetime.now(UTC).replace(microsecond=0)
FILTERS = {
    "none": ProgressFilter(),
    "mode": ProgressFilter(mode=AttendanceMode.ONLINE),
    "group": ProgressFilter(group_id="group-7"),
    "overdue": ProgressFilter(overdue=1),
    "far overdue": ProgressFilter(overdue=10),
    "catch-ups": ProgressFilter(open_catch_ups=True),
    "silent": ProgressFilter(not_seen_since=NOW - timedelta(days=14)),
    "completed": ProgressFilter(path_completed=True),
    "not completed": ProgressFilter(path_completed=False),
    "behind": ProgressFilter(behind=True),
}


@dataclass(frozen=True)
class Times:
    """Milliseconds of the pages of one run: for each list its first page, and one in the middle."""

    by_list: dict[str, list[float]]

    @property
    def all(self) -> list[float]:
        """All of them."""
        return [each for times in self.by_list.values() for each in times]

    @property
    def slowest(self) -> tuple[str, float]:
        """The list whose median is the greatest, and its median."""
        medians = {name: median(times) for name, times in self.by_list.items()}
        return max(medians.items(), key=itemgetter(1))


def measure() -> Iterator[Figure]:
    """Two sizes of a run, beside bare reads of as many documents by their ids."""
    typical = dict[int, float]()
    for count in (SMALL, LARGE):
        database, took = _run_of(count)
        name = f"class page, {count:,} learners"
        yield told(f"{name}, put in by reviews", count / took, "learners/s")
        times, peer = _pages(database), _bare(database)
        typical[count] = median(times.all)
        yield told(f"{name}, p50", typical[count], "ms")
        yield at_most(f"{name}, p99", quantiles(times.all, n=100)[98], "ms", GOAL)
        slowest, value = times.slowest
        yield at_most(f"{name}, slowest list ({slowest})", value, "ms", GOAL)
        yield told(f"{name}, the same documents by id, p50", median(peer), "ms")
        yield from _export(database, name)
    growth = typical[LARGE] / typical[SMALL]
    yield at_most(f"class page, {LARGE:,} learners beside {SMALL:,}", growth, "times", 1.2)


def _pages(database: Any) -> Times:
    """Time each list, in turn, in as many rounds."""
    found: dict[str, list[float]] = {}
    places = _places(database)
    for _ in range(ROUNDS):
        for (title, wanted), column, descending in product(FILTERS.items(), Column, (False, True)):
            selection = Selection(RUN, column, descending, wanted)
            name = f"{title} by {column.lower()}{', down' * descending}"
            for token in ("", *([next(places)(selection)] if not selection.is_plain else [])):
                ask = partial(run_progress, database.reader(), selection, Page(SIZE, token))
                found.setdefault(name, []).append(_milliseconds(ask))
    return Times(found)


def _places(database: Any) -> Iterator[Callable[[Selection], str]]:
    """Yield, for ever, tokens of pages that begin at some learner."""
    sample = list(database.mongo["standings"].aggregate([{"$sample": {"size": 500}}]))
    while True:
        for row in sample:
            yield partial(_token, row)


def _token(row: dict[str, Any], selection: Selection) -> str:
    numbers = row["listing"]["numbers"]
    by = [] if selection.order_by is Column.LEARNER_ID else [numbers[selection.order_by]]
    return write_token([selection.mark, *by, row["learner_id"]])


def _bare(database: Any) -> list[float]:
    """Time bare finds of 50 standings by their ids."""
    standings, found = database.mongo["standings"], []
    some: list[Any] = [{"$sample": {"size": SIZE}}, {"$project": {"_id": 1}}]
    for _ in range(200):
        wanted = {"_id": {"$in": [each["_id"] for each in standings.aggregate(some)]}}
        found.append(_milliseconds(partial(_read, standings, wanted)))
    return found


def _read(collection: Any, query: Any) -> list[Any]:
    return list(collection.find(query))


def _export(database: Any, name: str) -> Iterator[Figure]:
    """Export the run as the API does, without the network."""
    memory, most, size = psutil.Process().memory_info, 0, 0
    before, began = memory().rss, time.perf_counter()
    request = progress_pb2.ExportRunProgressRequest(run_id=RUN)
    for piece in ProgressApi(database).ExportRunProgress(request, _Active()):
        size += len(piece.csv)
        most = max(most, memory().rss - before)
    yield told(f"{name}, as CSV", time.perf_counter() - began, "s")
    yield told(f"{name}, size of the CSV", size / 1e6, "MB")
    yield at_most(f"{name}, memory of the export", most / 2**20, "MiB", 64)


class _Active:
    """A call that goes on."""

    def is_active(self) -> bool:
        """Return that it does."""
        return True


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _run_of(count: int) -> tuple[Any, float]:
    """Put a run with so many learners into an empty database, by the reviews of the service."""
    settings = {**rig.environment(), **SETTINGS}
    with connect(settings["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    roles.migrate(load(Settings, settings, "migrate"), "progress", ProgressStore)
    database = roles.open_database(load(Settings, settings, "worker"), "progress", ProgressStore)
    database.transact(_begin)
    began, dice = time.perf_counter(), random.Random(1)
    for first in range(0, count, CHUNK):
        updates = [_learner(number, dice) for number in range(first, first + CHUNK)]
        database.transact(partial(_reviewed, updates=updates))
    return database, time.perf_counter() - began


def _begin(store: ProgressStore) -> None:
    """A run whose dues are spread over twelve weeks, half of which are past, and a class."""
    steps = [
        Activity(
            f"step-{number:02}",
            "A step",
            ActivityKind.TASK,
            deadline=TimeRule(fixed=NOW + timedelta(weeks=WEEKS * (number / ACTIVITIES - 0.5))),
        )
        for number in range(ACTIVITIES)
    ]
    ended = NOW - timedelta(hours=2)
    learn_runs(store, [Run(RUN, "A run", "UTC", Policy(), 1)])
    learn_paths(store, [Path(RUN, 1, tuple(steps), 1)])
    learn_items(store, [Item(FILM, ItemKind.VIDEO, 3600.0, True, 1)])
    store.put_sessions(
        [
            Session(
                CLASS,
                RUN,
                "",
                "A class",
                start_time=ended - timedelta(hours=1),
                end_time=ended,
                state=SessionState.ENDED,
                ended_at=ended,
                recorded=True,
                recording_item_id=FILM,
            )
        ]
    )


def _reviewed(store: ProgressStore, updates: Iterable[LearnerUpdate]) -> None:
    """Review learners; their events are left out."""
    store.record_event = lambda *_: None  # type: ignore[method-assign]
    review(store, list(updates))


def _learner(number: int, dice: random.Random) -> LearnerUpdate:
    """A learner: who is diligent has completed much, and was here lately."""
    learner_id, diligence = f"learner-{number:06}", dice.random()
    enrolled_at = NOW - timedelta(weeks=WEEKS / 2, seconds=dice.randrange(10**6))
    update = EnrolmentUpdate(
        RUN,
        learner_id,
        f"e-{number}",
        1,
        EnrolmentState.ENROLLED,
        enrolled_at,
        dice.choice(list(AttendanceMode)),
        (f"group-{number // 25}",),
    )
    steps = min(ACTIVITIES, int(diligence * ACTIVITIES * 1.1))
    completed = {f"step-{step:02}": NOW - timedelta(days=1) for step in range(steps)}
    seen = NOW - timedelta(days=40 * (1 - diligence) * dice.random())
    absent = {CLASS: Attendance(AttendanceStatus.ABSENT, 1)} if dice.random() < 0.2 else {}
    scores = {step: dice.random() for step in list(completed)[:5]}

    def change(learner: Learner) -> Learner:
        run_state = replace(
            merge(learner.run_state, update),
            completed=completed,
            last_seen_at=seen,
            attendance=absent,
            scores=scores,
        )
        return replace(learner, run_state=run_state)

    return LearnerUpdate((RUN, learner_id), NOW, change, targets=None)
