"""Keyed conflict locks: in this process, units of work that change the same thing queue for it.

MongoDB lets the second writer of a document fail at once, so many units of work that change the
same document would mostly make each other fail. A unit of work acquires the lock of a key that
nobody holds. Otherwise it joins the key's queue, and goes on when those before it have finished. A
key that nobody wants has no queue and takes no memory.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.context import deadline

# Seconds. A holder is stuck if it keeps a lock for longer, or for half of the time that the
# deadline of a waiting unit of work leaves.
LONGEST_HOLD = 2.0


@dataclass(slots=True)
class _Queue:
    """The queue of one key: the holder of the lock first, the others behind it in order of
    arrival.
    """

    holders: "deque[LockHolder]" = field(default_factory=deque)
    releases: int = 0
    """How many holders have released the lock: while it grows, the queue moves."""


class ConflictLocks:
    """All conflict locks of one process."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.queues: dict[str, _Queue] = {}

    @contextmanager
    def holder(self) -> Iterator["LockHolder"]:
        """Yield a lock holder for one unit of work; at the end it releases all locks and queues."""
        holder = LockHolder(self)
        try:
            yield holder
        finally:
            holder.release()


class LockHolder:
    """A unit of work that holds locks, or waits for them, by its position in each key's queue."""

    def __init__(self, locks: ConflictLocks) -> None:
        self._locks = locks
        self._queues: dict[str, _Queue] = {}
        self._behind = 0
        self._is_first = threading.Event()

    def try_acquire(self, key: str) -> bool:
        """Acquire one more lock; return False, and do nothing, if another holds it."""
        if key in self._queues:
            return True
        with self._locks.mutex:
            if key in self._locks.queues:
                return False
            self._join(key)
        return True

    def is_queued_for(self, keys: Collection[str]) -> bool:
        """Return whether it is in the queue of each of these keys."""
        return self._queues.keys() >= set(keys)

    def queue_for(self, keys: Collection[str]) -> None:
        """Release everything, and join the queues of `keys` at their ends, all at once.

        One mutex guards this, so no two holders can wait for each other.
        """
        self.release()
        with self._locks.mutex:
            for key in keys:
                self._join(key)
            self._behind = sum(queue.holders[0] is not self for queue in self._queues.values())
            self._is_first = threading.Event()
            self._signal_if_first()

    def wait(self) -> None:
        """Wait until it is first in all its queues, or until a holder is stuck.

        It waits however long a queue is: while the queue moves, leaving it would only cause
        conflicts.
        """
        if not self._behind:
            return
        _call_on_wait(max(len(queue.holders) for queue in self._queues.values()))
        while deadline.left() > 0:
            before = self._releases()
            if self._is_first.wait(max(0.0, min(LONGEST_HOLD, deadline.left() / 2))):
                return
            if self._releases() == before:
                return

    def release(self) -> None:
        """Leave all queues; in each, the next one moves up."""
        with self._locks.mutex:
            for key, queue in self._queues.items():
                self._drop_out(key, queue)
            self._queues.clear()
            self._behind = 0

    def _join(self, key: str) -> None:
        queue = self._locks.queues.setdefault(key, _Queue())
        queue.holders.append(self)
        self._queues[key] = queue

    def _drop_out(self, key: str, queue: _Queue) -> None:
        was_holder = queue.holders[0] is self
        queue.holders.remove(self)
        if not queue.holders:
            del self._locks.queues[key]
        elif was_holder:
            queue.releases += 1
            queue.holders[0]._move_up()

    def _move_up(self) -> None:
        self._behind -= 1
        self._signal_if_first()

    def _signal_if_first(self) -> None:
        if not self._behind:
            self._is_first.set()

    def _releases(self) -> int:
        return sum(queue.releases for queue in self._queues.values())


_thread = threading.local()


@contextmanager
def on_wait(act: Callable[[int], None]) -> Iterator[None]:
    """In this thread, call `act` before each wait for a lock; an exception of it ends the wait.

    `act` gets the length of the longest queue.
    """
    _thread.act = act
    try:
        yield
    finally:
        del _thread.act


def _call_on_wait(length: int) -> None:
    act = getattr(_thread, "act", None)
    if act is not None:
        act(length)
