"""A worker's memory, whatever its queue holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.deep import only_deep
from tests.integration.chassis.bus import Bus, an_event, eventually

# What deploy/ gives a worker, in bytes.
LIMIT = 256 * 2**20
SMALL, LARGE = 1_000, 800


@contextmanager
def watching(pid: int) -> Iterator[list[int]]:
    """The most memory that a process has had in it so far, as a list of one."""
    most, over = [0], threading.Event()
    process = psutil.Process(pid)

    def look() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], process.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


@only_deep
def test_a_queue_of_the_largest_events_fits_into_a_worker(bus: Bus) -> None:
    """Small events, and then 200 MB of large ones: all are applied, once, within the limit."""
    bus.declare()
    names = [f"e{number:04}" for number in range(SMALL + LARGE)]
    bus.send(*(an_event(name) for name in names[:SMALL]))
    bus.send(*(an_event(name, learner="x" * 250_000) for name in names[SMALL:]))
    with bus.running("worker") as worker, watching(worker.pid) as most:
        effects = bus.database.mongo["effects"]
        eventually("all effects", lambda: effects.count_documents({}) == len(names))
    assert bus.effects() == dict.fromkeys(names, 1)
    assert 0 < most[0] < LIMIT, f"{most[0] / 2**20:.0f} MiB"
