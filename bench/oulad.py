"""The import of the Open University dataset into a running platform, as `tandem import oulad`.

AAA 2013J comes first and AAA 2014J, which is much alike, last: the rate of both, each beside a bare
loop at the same time, tells whether the import becomes slower as more is stored.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from pymongo import MongoClient

from bench import rig
from bench.bare_inserts import bare_inserts
from bench.figures import Figure, beside, told
from campus.client import Campus
from campus.oulad.clicks import Name
from campus.oulad.files import presentations
from campus.oulad.imports import Imported, import_all
from campus.output import console
from campus.platform import Platform
from chassis.data.store import connect

DATA = Path(__file__).parents[2] / "shared" / "data" / "oulad"
FOLDER = rig.FOLDER / "oulad"
FIRST, LAST = ("AAA", "2013J"), ("AAA", "2014J")
# No presentation but the last begins after so many minutes.
MINUTES = float(os.environ.get("BENCH_OULAD_MINUTES", "240"))
DATABASE = "tandem_progress"


def measure() -> Iterator[Figure]:
    """All presentations that there is time for, in a platform of their own, which is empty."""
    if not DATA.is_dir():
        raise FileNotFoundError(f"{DATA.name} is not beside the project; nothing was measured")
    shutil.rmtree(FOLDER, ignore_errors=True)
    platform = Platform(FOLDER)
    platform.up()
    try:
        with closing(Campus(platform)) as campus:
            url = platform.environment()["TANDEM_MONGO_URL"]
            with connect(url, "bench") as mongo:
                yield from _measured(campus, mongo)
    finally:
        platform.down()


def _measured(campus: Campus, mongo: "MongoClient[dict[str, Any]]") -> Iterator[Figure]:
    began, done, ratios = time.monotonic(), list[Imported](), list[float]()
    for imported in _all(campus, began):
        done.append(imported)
        if imported.name in (FIRST, LAST):
            figure = _beside(imported, mongo)
            ratios.append(figure.ratio or 0.0)
            yield figure
    yield from _of_all(done, time.monotonic() - began)
    yield told(
        "oulad, the last beside the first: the ratio to the bare loop",
        ratios[-1] / ratios[0],
        "times",
    )
    yield told("oulad, in MongoDB", sum(_sizes(mongo)) / 2**20, "MiB")
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 2**10
    yield told("oulad, memory of the importing process at its peak", peak, "MiB")


def _all(campus: Campus, began: float) -> Iterator[Imported]:
    """Import the first, the others as long as there is time, and the last. BBB has most clicks:
    it comes after the others.
    """
    others = [each for each in reversed(presentations(DATA)) if each not in (FIRST, LAST)]
    for imported in _import(campus, [FIRST, *others]):
        yield imported
        if time.monotonic() - began > 60 * MINUTES:
            break
    yield from _import(campus, [LAST])


def _import(campus: Campus, names: Sequence[Name]) -> Iterator[Imported]:
    said = lambda step: console.print(f"[dim]{time.strftime('%H:%M:%S')} {step}[/]")  # noqa: E731
    for imported in import_all(campus, DATA, names, said, only_clicked=True):
        if not imported.is_whole:
            raise RuntimeError(f"{imported}")
        yield imported


def _beside(imported: Imported, mongo: "MongoClient[dict[str, Any]]") -> Figure:
    """Return its statements a second, until progress has applied them, beside a bare loop's."""
    name = f"oulad, {' '.join(imported.name)}, statements sent and applied"
    bare = lambda: bare_inserts(mongo, DATABASE, "statements")  # noqa: E731
    return beside(name, "statements/s", None, 1, lambda: _rate([imported]), bare)


def _of_all(done: Sequence[Imported], seconds: float) -> Iterator[Figure]:
    """Tell of each step how much of it was done in a second."""
    yield told("oulad, presentations", len(done), "presentations")
    yield told("oulad, learners", _count(done, "people"), "learners")
    yield told("oulad, statements", _count(done, "statements"), "statements")
    yield told("oulad, everything", seconds, "s")
    yield told("oulad, learners, all steps", _count(done, "people") / seconds, "learners/s")
    yield told("oulad, statements, all steps", _count(done, "statements") / seconds, "statements/s")
    yield told("oulad, statements sent and applied", _rate(done), "statements/s")
    for what, step in (("people", "people"), ("items", "materials"), ("people", "enrolments")):
        rate = _count(done, what) / sum(each.seconds[step] for each in done)
        yield told(f"oulad, {step}", rate, f"{what}/s")


def _rate(done: Sequence[Imported]) -> float:
    steps = ("statements", "progress")
    seconds = sum(each.seconds[step] for each in done for step in steps)
    return _count(done, "statements") / seconds


def _count(done: Iterable[Imported], what: str) -> int:
    counts = chain.from_iterable(each.counts for each in done)
    return sum(each.platform for each in counts if each.what == what)


def _sizes(mongo: "MongoClient[dict[str, Any]]") -> Iterator[int]:
    """Yield the bytes on disk of each database of ours, indexes included."""
    for name in mongo.list_database_names():
        if name.startswith("tandem_"):
            yield mongo[name].command("dbStats")["totalSize"]
