"""Threads for requests."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import pytest

from chassis.data import conflict_locks
from chassis.data.conflict_locks import ConflictLocks
from chassis.edge.executor import BoundedExecutor
from chassis.edge.statuses import Exhausted
from tests.unit.chassis.test_conflict_locks import in_line, until

T = TypeVar("T")


def submit(executor: BoundedExecutor, work: Callable[..., T], *given: Any) -> Future[T]:
    """Do `work` on a thread, once that may work."""

    def working() -> T:
        with executor.working():
            return work(*given)

    return executor.submit(working)


def hold(taken: threading.Semaphore, free: threading.Event) -> bool:
    taken.release()
    return free.wait(60)


def test_so_many_are_handled_at_once() -> None:
    """The next one waits until one has ended, whatever threads there are."""
    taken, free = threading.Semaphore(0), threading.Event()
    with BoundedExecutor(threads=2, waiting=4) as executor:
        held = [submit(executor, hold, taken, free) for _ in range(2)]
        assert all(taken.acquire(timeout=60) for _ in held)
        third = submit(executor, hold, taken, free)
        assert not taken.acquire(timeout=0.05)
        free.set()
        assert all(each.result(60) for each in [*held, third])


def test_who_waits_for_a_turn_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads but one wait, and other work is done; the one too many is refused."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)
    locks = ConflictLocks()

    def want() -> str:
        with locks.holder() as holder:
            holder.queue_for(["run a"])
            holder.wait()
            return "had its turn"

    with BoundedExecutor(threads=1, waiting=3) as executor, locks.holder() as first:
        assert first.try_acquire("run a")
        waiting = [submit(executor, want) for _ in range(3)]
        until(lambda: in_line(locks, "run a") == 4)
        assert submit(executor, lambda: "read").result(60) == "read"
        with pytest.raises(Exhausted) as refused:
            submit(executor, want).result(60)
        assert refused.value.of == "turns"
        assert not any(each.done() for each in waiting)
        first.release()
        assert [each.result(60) for each in waiting] == ["had its turn"] * 3


def test_one_line_takes_a_part_of_those_who_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait for one thing, there is room for those who wait for another."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)
    monkeypatch.setattr("chassis.edge.executor.MAX_WAITING_FOR_ONE", 2)
    locks = ConflictLocks()

    def want(thing: str) -> Callable[[], str]:
        def work() -> str:
            with locks.holder() as holder:
                holder.queue_for([thing])
                holder.wait()
                return thing

        return work

    with BoundedExecutor(threads=1, waiting=3) as executor, locks.holder() as first:
        assert first.try_acquire("run a")
        assert first.try_acquire("run b")
        waiting = [submit(executor, want("run a"))]
        until(lambda: in_line(locks, "run a") == 2)
        refused = submit(executor, want("run a"))
        waiting.append(submit(executor, want("run b")))
        with pytest.raises(Exhausted):
            refused.result(60)
        assert submit(executor, partial(str, "read")).result(60) == "read"
        first.release()
        assert [each.result(60) for each in waiting] == ["run a", "run b"]
