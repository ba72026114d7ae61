"""Threads for requests."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import pytest

from chassis.data import turns
from chassis.data.turns import Turns
from chassis.edge.executor import BoundedExecutor
from chassis.edge.statuses import Exhausted
from tests.unit.chassis.test_turns import in_line, until

T = TypeVar("T")


def submit(crowd: BoundedExecutor, work: Callable[..., T], *given: Any) -> Future[T]:
    """Do `work` on a thread, once that may work."""

    def working() -> T:
        with crowd.working():
            return work(*given)

    return crowd.submit(working)


def hold(taken: threading.Semaphore, free: threading.Event) -> bool:
    taken.release()
    return free.wait(60)


def test_so_many_are_handled_at_once() -> None:
    """The next one waits until one has ended, whatever threads there are."""
    taken, free = threading.Semaphore(0), threading.Event()
    with BoundedExecutor(threads=2, in_lines=4) as crowd:
        held = [submit(crowd, hold, taken, free) for _ in range(2)]
        assert all(taken.acquire(timeout=60) for _ in held)
        third = submit(crowd, hold, taken, free)
        assert not taken.acquire(timeout=0.05)
        free.set()
        assert all(each.result(60) for each in [*held, third])


def test_who_waits_for_a_turn_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads but one wait, and what wants no turn is done; the one too many is refused."""
    monkeypatch.setattr(turns, "LONGEST", 60)
    lines = Turns()

    def want() -> str:
        with lines.place() as place:
            place.line_up(["run a"])
            place.wait()
            return "had its turn"

    with BoundedExecutor(threads=1, in_lines=3) as crowd, lines.place() as first:
        assert first.take("run a")
        waiting = [submit(crowd, want) for _ in range(3)]
        until(lambda: in_line(lines, "run a") == 4)
        assert submit(crowd, lambda: "read").result(60) == "read"
        with pytest.raises(Exhausted) as refused:
            submit(crowd, want).result(60)
        assert refused.value.of == "turns"
        assert not any(each.done() for each in waiting)
        first.leave()
        assert [each.result(60) for each in waiting] == ["had its turn"] * 3


def test_one_line_takes_a_part_of_those_who_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many want one thing, those who wait for another find room."""
    monkeypatch.setattr(turns, "LONGEST", 60)
    monkeypatch.setattr("chassis.edge.executor.MOST_IN_LINE", 2)
    lines = Turns()

    def want(thing: str) -> Callable[[], str]:
        def work() -> str:
            with lines.place() as place:
                place.line_up([thing])
                place.wait()
                return thing

        return work

    with BoundedExecutor(threads=1, in_lines=3) as crowd, lines.place() as first:
        assert first.take("run a")
        assert first.take("run b")
        waiting = [submit(crowd, want("run a"))]
        until(lambda: in_line(lines, "run a") == 2)
        refused = submit(crowd, want("run a"))
        waiting.append(submit(crowd, want("run b")))
        with pytest.raises(Exhausted):
            refused.result(60)
        assert submit(crowd, partial(str, "read")).result(60) == "read"
        first.leave()
        assert [each.result(60) for each in waiting] == ["run a", "run b"]
