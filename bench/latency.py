"""Commit to effect: from a unit of work's commit to the commit of its effect in another service."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from bench import rig
from bench.figures import Figure, at_most, told
from bench.sample import ActivityCompleted

RATE = 300
COMMITTERS, FASTER = 4, 500
# Events a second, so many in each unit of work: else committing is what two cores can't do faster.
RISING, UNIT = (500, 750, 1_000, 1_250, 1_500, 2_000, 2_500, 3_000), 10
LATE = 1.0  # seconds
SECONDS = 15
WARM_UP = 600
PATIENCE = 60.0  # seconds for the last effects


def measure() -> Iterator[Figure]:
    """Commit so many a second; a change stream tells when each effect is committed."""
    database = rig.fresh_database()
    with rig.running("bench.sample", "relay"), rig.running("bench.sample", "worker"):
        waits = _run(database, RATE, committers=1)
        yield at_most("commit to effect, p50", _of(waits, 0.5), "ms", 20)
        yield at_most("commit to effect, p99", _of(waits, 0.99), "ms", 60)
        waits = _run(database, FASTER, COMMITTERS)
        yield told(f"commit to effect at {FASTER}/s, p50", _of(waits, 0.5), "ms")
        yield told(f"commit to effect at {FASTER}/s, p99", _of(waits, 0.99), "ms")
        yield told("commit to effect, fastest with p99 below 1 s", _fastest(database), "events/s")


def _fastest(database: Any) -> float:
    """The highest rate of those tried that was reached with a p99 that is not late."""
    fastest = 0.0
    for rate in RISING:
        began = time.monotonic()
        try:
            waits = _run(database, rate, COMMITTERS, UNIT)
        except TimeoutError:
            break
        reached = (len(waits) + WARM_UP) / (time.monotonic() - began)
        if _of(waits, 0.99) > LATE * 1000:
            break
        fastest = max(fastest, reached)
        if reached < 0.9 * rate:  # the committers can't go faster
            break
    return fastest


def _of(waits: list[float], share: float) -> float:
    """A quantile in milliseconds."""
    return sorted(waits)[int(len(waits) * share)] * 1000


def _run(database: Any, rate: int, committers: int, unit: int = 1) -> list[float]:
    """Seconds from commit to effect of each event; `unit` of them are committed together."""
    committed: dict[str, float] = {}
    applied: dict[str, float] = {}
    total = rate * SECONDS + WARM_UP
    database.mongo["effects"].delete_many({})
    with database.mongo["effects"].watch([{"$match": {"operationType": "insert"}}]) as changes:
        watcher = threading.Thread(target=_watch, args=(changes, applied, total), daemon=True)
        watcher.start()
        with ThreadPoolExecutor(committers) as pool:
            parts = (range(part * unit, total, committers * unit) for part in range(committers))
            list(pool.map(lambda firsts: _publish(database, committed, firsts, rate, unit), parts))
        watcher.join(PATIENCE)
    missing = committed.keys() - applied.keys()
    if missing:
        raise TimeoutError(f"{len(missing)} of {total} effects did not come in {PATIENCE:.0f} s")
    counted = [key for key in committed if int(key) >= WARM_UP]
    return [applied[key] - committed[key] for key in counted]


def _publish(
    database: Any, committed: dict[str, float], firsts: range, rate: int, unit: int
) -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    begin = time.monotonic()
    for first in firsts:
        pause = begin + first / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        names = [str(number) for number in range(first, first + unit)]
        happened = [ActivityCompleted(name, "run", "learner", "reading", now) for name in names]
        database.transact(lambda store, happened=happened: store.record_event(*happened))
        committed |= dict.fromkeys(names, time.monotonic())


def _watch(changes: Any, applied: dict[str, float], total: int) -> None:
    for change in changes:
        applied[change["documentKey"]["_id"]] = time.monotonic()
        if len(applied) == total:
            return
