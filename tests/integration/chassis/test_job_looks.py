"""How an idle process looks for jobs."""

from collections.abc import Sequence
from typing import Any

import pytest

from chassis.jobs import Batch
from chassis.jobs.queue import Queue
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
