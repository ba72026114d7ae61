"""How an idle process looks for jobs, and what its slots keep open meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.data.store import Database
from chassis.jobs import Batch
from chassis.jobs.queue import Queue
from chassis.jobs.runner import Runner
from tests.integration.chassis.test_jobs import EITHER, SECOND, Tasks, tasks
from tests.integration.processes import eventually

__all__ = ["tasks"]  # a fixture


def test_one_look_is_for_all_idle_slots(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots look by themselves only when there is something; then they all may."""
    looks: list[bool] = []
    claims: list[Sequence[str]] = []
    has_due, claim = Queue.has_due, Queue.claim

    def look(queue: Queue) -> bool:
        looks.append(has_due(queue))
        return looks[-1]

    def claimed(queue: Queue, lanes: Sequence[str], *more: Any) -> Batch | None:
        claims.append(lanes)
        return claim(queue, lanes, *more)

    monkeypatch.setattr(Queue, "has_due", look)
    monkeypatch.setattr(Queue, "claim", claimed)
    runner = tasks.runner(slots=(("urgent",), EITHER, EITHER), poll=SECOND / 100)
    runner.start()
    eventually(lambda: len(looks) > 10)
    assert not claims
    tasks.add(30)
    eventually(lambda: tasks.done() == 30)
    runner.stop()
    runner.join()
    assert {*claims} >= {EITHER}


def test_a_slot_keeps_what_it_opened_for_jobs_that_come_soon(tasks: Tasks) -> None:
    """One connection does jobs that come one after the other; it ends with the process, at once."""
    opened: list[bool] = []

    @contextmanager
    def work(_: Database[Any]) -> Iterator[Callable[[Batch], int]]:
        opened.append(True)
        yield tasks.finish
        opened[-1] = False

    jobs = replace(tasks.jobs(poll=SECOND / 100, keep=timedelta(hours=1)), work=work)
    runner = Runner(tasks.database, jobs, tasks.clock)
    runner.start()
    for number in range(1, 4):
        tasks.add(1, target=str(number))
        eventually(lambda number=number: tasks.done() == number)  # type: ignore[misc]
    assert opened == [True]
    runner.stop()
    runner.join()
    assert opened == [False]
