"""Turns."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest

from chassis.context import deadline
from chassis.data import conflict_locks
from chassis.data.conflict_locks import ConflictLocks, on_wait
from chassis.edge.statuses import Exhausted


def in_line(line: ConflictLocks, thing: str) -> int:
    """How many have a turn at a thing, or wait for one."""
    return len(line.queues[thing].holders) if thing in line.queues else 0


def until(holds: Callable[[], bool]) -> None:
    """Return when it holds; fail where it never does."""
    pause = threading.Event()
    for _ in range(6000):
        if holds():
            return
        pause.wait(0.01)
    pytest.fail("it never holds")


def queued(
    pool: ThreadPoolExecutor, line: ConflictLocks, work: Callable[[], None], *things: str
) -> Future[None]:
    """Start a unit of work that waits for its turn at things, and see it stand in line."""
    before = in_line(line, things[0])

    def go() -> None:
        with line.holder() as holder:
            holder.queue_for(things)
            holder.wait()
            work()

    done: Future[None] = pool.submit(go)
    until(lambda: in_line(line, things[0]) == before + 1)
    return done


def test_who_waits_goes_on_in_the_order_of_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time, first come, first served; a thing that nobody wants has no line."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)
    line, went = ConflictLocks(), list[int]()
    with ThreadPoolExecutor(20) as pool, line.holder() as first:
        assert first.try_acquire("run a")
        for number in range(20):
            queued(pool, line, partial(went.append, number), "run a")
        assert went == []
    assert went == list(range(20))
    assert line.queues == {}


def test_a_line_that_moves_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request waits as long as the requests before it end, one after the other."""

    class Impatient(threading.Event):
        """LONGEST is over for all who wait whenever a turn has ended."""

        def wait(self, timeout: float | None = None) -> bool:
            before = line.queues["run a"].releases
            until(lambda: self.is_set() or line.queues["run a"].releases > before)
            return self.is_set()

    monkeypatch.setattr(
        conflict_locks, "threading", SimpleNamespace(Event=Impatient, Lock=threading.Lock)
    )
    line, alone, pause = ConflictLocks(), threading.Lock(), threading.Event()

    def pass_by() -> None:
        assert alone.acquire(blocking=False)
        pause.wait(0.02)
        alone.release()

    with ThreadPoolExecutor(20) as pool:
        with line.holder() as first:
            assert first.try_acquire("run a")
            waiting = [queued(pool, line, pass_by, "run a") for _ in range(20)]
        for each in waiting:
            each.result(60)


def test_a_turn_stops_nobody_at_another_thing() -> None:
    """A lock stops those who want the same thing, and no one else."""
    line = ConflictLocks()
    with line.holder() as one, line.holder() as other:
        assert one.try_acquire("run a")
        assert not other.try_acquire("run a")
        assert other.try_acquire("run b")
        other.queue_for(["run c"])
        other.wait()


def test_who_wants_many_things_has_all_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that want the same things in any order all have their turns; none waits for ever."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)
    line, alone = ConflictLocks(), threading.Lock()

    def both(number: int) -> None:
        with line.holder() as holder:
            things = ["run a", "run b"] if number % 2 else ["run b", "run a"]
            holder.queue_for(things)
            holder.wait()
            assert alone.acquire(blocking=False)
            alone.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(both, range(400)))
    assert line.queues == {}


@pytest.mark.parametrize(("patience", "left"), [(0.05, 3600), (3600, 4)])
def test_who_is_stuck_stops_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch, patience: float, left: float
) -> None:
    """The next in line continues after a while, before its own deadline passes."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", patience)
    line = ConflictLocks()
    with line.holder() as stuck, line.holder() as behind, deadline.within(left):
        assert stuck.try_acquire("run a")
        behind.queue_for(["run a"])
        behind.wait()
        assert deadline.left() > 0


def test_a_thread_is_told_before_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of waiting threads is reported; the first one does not wait."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 0.01)
    line, reported = ConflictLocks(), list[int]()
    with on_wait(reported.append), line.holder() as one, line.holder() as two:
        one.queue_for(["run a"])
        one.wait()
        assert reported == []
        two.queue_for(["run a"])
        two.wait()
        assert reported == [2]


def test_what_a_thread_says_before_it_waits_ends_the_wait() -> None:
    """It has no place in any line then."""
    line = ConflictLocks()

    def refuse(_: int) -> None:
        raise Exhausted("no", "turns")

    with on_wait(refuse), line.holder() as first:
        assert first.try_acquire("run a")
        with line.holder() as next_:
            next_.queue_for(["run b", "run a"])
            with pytest.raises(Exhausted):
                next_.wait()
        assert line.queues.keys() == {"run a"}
