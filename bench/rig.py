"""Servers and child processes for the benchmarks."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import pika
import psutil

from bench import sample
from campus.stack.process import python_command
from campus.stack.stack import Stack
from chassis.data.store import connect
from chassis.operations.settings import Settings, load

FOLDER = Path("var/bench")
# GB of memory for MongoDB, as in deploy/kubernetes. A million waiting events have more than 1 GB.
CACHE = 2.0
NONE: Mapping[str, str] = {}
# Seconds in which a process ends, also on a busy machine.
STOPPING = 120.0
_started: dict[str, str] = {}


def environment() -> dict[str, str]:
    """The environment of running servers, started once; `close` ends them."""
    if not _started:
        stack = Stack(FOLDER, mongodb_cache=CACHE)
        _started.update(stack.up(["rabbitmq", "mongodb"]).environment())
        _started["TANDEM_ENVIRONMENT"] = "development"
        _started["TANDEM_MONGO_DATABASE"] = "bench"
    return _started


def close() -> None:
    """End the servers."""
    Stack(FOLDER).down()
    _started.clear()


def fresh_database() -> Any:
    """The sample's database, empty, and its queue, empty."""
    with connect(environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(environment()["TANDEM_MONGO_DATABASE"])
    run("bench.sample", "migrate")
    database = sample.database(load(Settings, environment(), "worker"))
    run("bench.sample", "declare")
    with pika.BlockingConnection(pika.URLParameters(environment()["TANDEM_AMQP_URL"])) as link:
        link.channel().queue_purge(sample.QUEUE)
    return database


def fill_outbox(database: Any, count: int) -> None:
    """Commit `count` events, 500 a unit of work, four of each key."""
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for first in range(0, count, 500):
        rows = [
            sample.ActivityCompleted(f"e{number // 4}", "run", f"l{number // 4}", "reading", now)
            for number in range(first, min(first + 500, count))
        ]
        database.transact(lambda store, rows=rows: store.record_event(*rows))


def run(module: str, *arguments: str, settings: Mapping[str, str] = NONE) -> None:
    """Run a module to its end, told `settings` too. Raises CalledProcessError."""
    with _log(module, *arguments) as log:
        subprocess.run(
            python_command(module, *arguments),
            env={**os.environ, **environment(), **settings},
            stdout=log,
            stderr=log,
            check=True,
        )


@contextmanager
def running(
    module: str, *arguments: str, settings: Mapping[str, str] = NONE
) -> Iterator[psutil.Process]:
    """A module runs beside, told `settings` too; its log goes to the data folder."""
    with _log(module, *arguments) as log:
        child = subprocess.Popen(
            python_command(module, *arguments),
            env={**os.environ, **environment(), **settings},
            stdout=log,
            stderr=log,
        )
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            child.wait(STOPPING)


@contextmanager
def command(line: Sequence[str], settings: Mapping[str, str]) -> Iterator[psutil.Process]:
    """A server that is not ours runs beside, told `settings`."""
    with _log(Path(line[0]).name) as log:
        child = subprocess.Popen(line, env={**os.environ, **settings}, stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            child.wait(STOPPING)


def peak(process: psutil.Process) -> float:
    """The largest resident set that a process has had, in MiB (proc(5), VmHWM)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _log(*words: str) -> TextIO:
    """Where a module's output goes: each run's after that of the one before."""
    file = FOLDER / "log" / f"{'-'.join(words)}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("a")


def rate(count: Callable[[], int], total: int, patience: float = 300.0) -> float:
    """How many a second, from the first tenth of `total` to all of it: starting up is left out.

    Raises TimeoutError when it takes longer than `patience` seconds.
    """
    deadline = time.monotonic() + patience
    began: tuple[float, int] | None = None
    while (done := count()) < total:
        if began is None and done >= total // 10:
            began = time.perf_counter(), done
        if time.monotonic() > deadline:
            raise TimeoutError(f"{done} of {total} after {patience:.0f} s")
        time.sleep(0.02)
    at, before = began or (time.perf_counter(), 0)
    return (done - before) / (time.perf_counter() - at)
