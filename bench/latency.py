"""Commit to effect: from a unit of work's commit to the commit of its effect in another service."""

import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench import rig
from bench.figures import Figure, at_most
from bench.sample import ActivityCompleted

RATE = 300
SECONDS = 15
WARM_UP = 600
PATIENCE = 60.0  # seconds for the last effects


def measure() -> Iterator[Figure]:
    """Commit 300 a second from one thread; a change stream tells when each effect is committed."""
    database = rig.fresh_database()
    with rig.running("bench.sample", "relay"), rig.running("bench.sample", "worker"):
        waits = _run(database)
    waits.sort()
    yield at_most("commit to effect, p50", statistics.median(waits) * 1000, "ms", 30)
    yield at_most("commit to effect, p99", waits[int(len(waits) * 0.99)] * 1000, "ms", 200)


def _run(database: Any) -> list[float]:
    committed: dict[str, float] = {}
    applied: dict[str, float] = {}
    total = RATE * SECONDS + WARM_UP
    with database.mongo["effects"].watch() as changes:
        watcher = threading.Thread(target=_watch, args=(changes, applied, total), daemon=True)
        watcher.start()
        _publish(database, committed, total)
        watcher.join(PATIENCE)
    missing = committed.keys() - applied.keys()
    if missing:
        raise TimeoutError(f"{len(missing)} of {total} effects did not come in {PATIENCE:.0f} s")
    counted = [key for key in committed if int(key) >= WARM_UP]
    return [applied[key] - committed[key] for key in counted]


def _publish(database: Any, committed: dict[str, float], total: int) -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    begin = time.monotonic()
    for number in range(total):
        pause = begin + number / RATE - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        event = ActivityCompleted(str(number), "run", "learner", "reading", now)
        database.transact(lambda store, event=event: store.publish(event))
        committed[str(number)] = time.monotonic()


def _watch(changes: Any, applied: dict[str, float], total: int) -> None:
    for change in changes:
        applied[change["documentKey"]["_id"]] = time.monotonic()
        if len(applied) == total:
            return
