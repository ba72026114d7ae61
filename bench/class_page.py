"""The class page of a run: a page of 50 learners by any column, with any filter."""

import csv
import gc
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import cached_property
from itertools import product
from operator import attrgetter
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any, NamedTuple

import grpc
import psutil
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1.progress_pb2_grpc import ProgressServiceStub
from tandem.types.v1 import types_pb2

from bench import class_page_runs as runs
from bench import rig
from bench.figures import Figure, at_most, told
from bench.grpc_command import serving
from campus.identity import IdentityProvider
from chassis.data.pages import write_token
from chassis.data.store import Database
from services.progress.api import ProgressApi
from services.progress.api_class_page import selection_of
from services.progress.domain.class_page import Column
from services.progress.store import ProgressStore
from services.progress.store_class_page import NOT_SHOWN

SIZE, GOAL, ROUNDS = 50, 50.0, 3
MODULE = "services.progress"
TABLE = Path("var/class_page.csv")
SILENT_SINCE = Timestamp()
SILENT_SINCE.FromDatetime(runs.NOW.astimezone(UTC) - timedelta(days=14))
FILTERS: Mapping[str, dict[str, Any]] = {
    "none": {},
    "mode": {"mode": types_pb2.ATTENDANCE_MODE_ONLINE},
    "group": {"group_id": "group-7"},
    "overdue": {"overdue": 1},
    "far overdue": {"overdue": 10},
    "catch-ups": {"open_catch_ups": True},
    "silent": {"not_seen_since": SILENT_SINCE},
    "completed": {"path_completed": True},
    "not completed": {"path_completed": False},
    "behind": {"behind": True},
}


class Times(NamedTuple):
    """Milliseconds of one page."""

    whole: float
    cpu: float
    """Of this process, which does all but the network."""
    mongod: float
    """CPU of MongoDB."""
    bare: float
    """A bare find of the same learners by their ids."""


@dataclass
class Lists:
    """What the pages of a run took, by list: its first page, or one that begins at some learner."""

    run: str
    by_list: dict[tuple[str, ...], list[Times]]

    def all(self, what: str) -> list[float]:
        """One of the times, of all pages."""
        return [getattr(each, what) for times in self.by_list.values() for each in times]

    @cached_property
    def medians(self) -> dict[tuple[str, ...], float]:
        """The median time of each list."""
        return {key: median(each.whole for each in times) for key, times in self.by_list.items()}


class Asked(NamedTuple):
    """A page of a list."""

    title: str
    column: Column
    is_descending: bool
    place: str

    @property
    def key(self) -> tuple[str, ...]:
        """What it is called."""
        return self.title, self.column.lower(), "down" * self.is_descending or "up", self.place

    def request(self, run: str) -> progress_pb2.ListRunProgressRequest:
        """Its request, for a first page."""
        wanted = dict(FILTERS[self.title])
        if run == "large" and "group_id" in wanted:
            wanted["group_id"] += "-0"
        return progress_pb2.ListRunProgressRequest(
            run_id=run,
            page_size=SIZE,
            order_by=progress_pb2.ProgressColumn.Value(f"PROGRESS_COLUMN_{self.column}"),
            descending=self.is_descending,
            filter=progress_pb2.ProgressFilter(**wanted) if wanted else None,
        )


def measure() -> Iterator[Figure]:
    """Two sizes of a run in turn, page by page, each beside a bare find of the same learners."""
    database, rates = runs.begin()
    for run, rate in rates.items():
        yield told(f"{_name(run)}, put in", rate, "learners/s")
    small, large = _measured(database)
    _write([small, large])
    for one in (small, large):
        yield from _figures(one)
    for what, name in (("whole", "time"), ("cpu", "CPU"), ("mongod", "MongoDB's CPU")):
        growth = fmean(large.all(what)) / fmean(small.all(what))
        yield at_most(f"{_name('large')} beside {runs.SMALL:,}, {name}", growth, "times", 1.2)
    yield from _exports()


def _name(run: str) -> str:
    return f"class page, {runs.SIZES[run]:,} learners"


def _figures(lists: Lists) -> Iterator[Figure]:
    name, whole, bare = _name(lists.run), lists.all("whole"), lists.all("bare")
    slowest, value = max(lists.medians.items(), key=lambda each: each[1])
    yield told(f"{name}, p50", median(whole), "ms")
    yield at_most(f"{name}, p99", quantiles(whole, n=100)[98], "ms", GOAL)
    yield at_most(f"{name}, slowest list ({', '.join(slowest)})", value, "ms", GOAL)
    yield told(f"{name}, bare find of the same, p50", median(bare), "ms")
    yield told(f"{name}, bare find of the same, p99", quantiles(bare, n=100)[98], "ms")
    ratio = median(ours / peer for ours, peer in zip(whole, bare, strict=True))
    yield told(f"{name}, beside the bare find", ratio, "times")
    yield told(f"{name}, CPU, p50", median(lists.all("cpu")), "ms")
    yield told(f"{name}, CPU, p99", quantiles(lists.all("cpu"), n=100)[98], "ms")
    yield told(f"{name}, MongoDB's CPU, mean", fmean(lists.all("mongod")), "ms")


def _measured(database: Database[ProgressStore]) -> list[Lists]:
    """Time each list of both runs, in turn, in as many rounds."""
    meter = Meter(database)
    found = {run: Lists(run, defaultdict(list)) for run in runs.SIZES}
    every = [
        Asked(*each) for each in product(FILTERS, Column, (False, True), ("first", "in the middle"))
    ]
    for run in runs.SIZES:
        meter.timed(every[0], run)  # builds the plan, which is kept
    gc.freeze()  # what the bench has loaded is not the service's garbage to search
    for asked, run in itertools.chain.from_iterable([product(every, runs.SIZES)] * ROUNDS):
        found[run].by_list[asked.key].append(meter.timed(asked, run))
    return list(found.values())


class Meter:
    """Times pages as the API answers them, without the network."""

    def __init__(self, database: Database[ProgressStore]) -> None:
        self._api, self._standings = ProgressApi(database), database.mongo["standings"]
        pid = database.client.admin.command("serverStatus")["pid"]
        self._mongod = psutil.Process(pid)
        some: list[Any] = [{"$sample": {"size": 2_000}}]
        rows = list(self._standings.aggregate(some))
        self._places = {
            run: itertools.cycle([row for row in rows if row["run_id"] == run])
            for run in runs.SIZES
        }

    def timed(self, asked: Asked, run: str) -> Times:
        """Time a page, and then a bare find of what it shows."""
        request = asked.request(run)
        if asked.place != "first":
            request.page_token = self._token(request)
        mongod, whole, cpu = self._cpu_of_mongod(), time.perf_counter(), time.thread_time()
        answer = self._api.ListRunProgress(request, None)
        answer.SerializeToString()
        cpu, whole = time.thread_time() - cpu, time.perf_counter() - whole
        mongod = self._cpu_of_mongod() - mongod
        ids = [{"run_id": run, "learner_id": each.learner_id} for each in answer.learners]
        began = time.perf_counter()
        list(self._standings.find({"_id": {"$in": ids}}, dict.fromkeys(NOT_SHOWN, 0)))
        bare = time.perf_counter() - began
        return Times(*(1000 * each for each in (whole, cpu, mongod, bare)))

    def _token(self, request: progress_pb2.ListRunProgressRequest) -> str:
        """The token of a page that begins at some learner."""
        selection, row = selection_of(request), next(self._places[request.run_id])
        if selection.is_plain:
            return write_token([row["learner_id"]])
        by = row["listing"]["numbers"].get(selection.order_by)
        return write_token([selection.mark, *([] if by is None else [by]), row["learner_id"]])

    def _cpu_of_mongod(self) -> float:
        """Seconds until now; of a single page they are rough, of many not."""
        return sum(self._mongod.cpu_times()[:2])


def _write(lists: list[Lists]) -> None:
    """Write a table of all lists."""
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="") as file:
        rows = csv.writer(file)
        head = ("filter", "column", "order", "page", "ms p50", "ms most", "ms of CPU", "ms bare")
        rows.writerow(("learners", *head))
        for one in lists:
            for key, times in one.by_list.items():
                whole = one.medians[key], max(map(attrgetter("whole"), times))
                rest = (median(map(attrgetter(what), times)) for what in ("cpu", "bare"))
                figures = (f"{each:.1f}" for each in (*whole, *rest))
                rows.writerow((runs.SIZES[one.run], *key, *figures))


def _exports() -> Iterator[Figure]:
    """Export each run as CSV from a server of its own."""
    peaks = dict[str, float]()
    for run in runs.SIZES:
        with serving(MODULE, "api", settings=runs.SETTINGS) as at:
            before, began = rig.peak(at.process), time.perf_counter()
            size = _exported(at.grpc, run)
            took, peaks[run] = time.perf_counter() - began, rig.peak(at.process)
        yield told(f"{_name(run)}, as CSV", took, "s")
        yield told(f"{_name(run)}, size of the CSV", size / 1e6, "MB")
        grown = peaks[run] - before
        yield at_most(f"{_name(run)}, memory that the server gets meanwhile", grown, "MiB", 64)
    growth = peaks["large"] / peaks["small"]
    name = f"{_name('large')} as CSV, the server's peak beside {runs.SMALL:,}"
    yield at_most(name, growth, "times", 1.1)


def _exported(target: str, run: str) -> int:
    """Read an export to its end; return its size."""
    token = IdentityProvider(rig.FOLDER).mint("registrar", ["registrar"])
    metadata = [("authorization", f"Bearer {token}")]
    request = progress_pb2.ExportRunProgressRequest(run_id=run)
    with grpc.insecure_channel(target) as channel:
        stub: Any = ProgressServiceStub(channel)
        return sum(len(each.csv) for each in stub.ExportRunProgress(request, metadata=metadata))
