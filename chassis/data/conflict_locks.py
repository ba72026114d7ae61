"""Turns at what units of work contend for: in this process, a line for each thing.

MongoDB lets the second writer of a document fail at once, so a crowd that wants the same document
would mostly disturb each other. A unit of work takes a turn at a thing that nobody has; else it
stands in the thing's line, and goes on when those before it have ended. A thing that nobody wants
has no line, and takes no memory.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.context import deadline

# Seconds. Who has its turn for longer, or for half of what another's deadline leaves, is stuck.
LONGEST_HOLD = 2.0


@dataclass(slots=True)
class _Queue:
    """Who has its turn comes first; the others behind it, in the order of their coming."""

    holders: "deque[LockHolder]" = field(default_factory=deque)
    releases: int = 0
    """How many turns have ended: while it grows, the line moves."""


class ConflictLocks:
    """The lines of one process."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.queues: dict[str, _Queue] = {}

    @contextmanager
    def holder(self) -> Iterator["LockHolder"]:
        """A unit of work's place: in no line yet, and in none any more at the end."""
        holder = LockHolder(self)
        try:
            yield holder
        finally:
            holder.release()


class LockHolder:
    """Where a unit of work stands: first, or behind others, in the line of each thing it wants."""

    def __init__(self, locks: ConflictLocks) -> None:
        self._locks = locks
        self._queues: dict[str, _Queue] = {}
        self._behind = 0
        self._is_first = threading.Event()

    def try_acquire(self, key: str) -> bool:
        """Have a turn at one thing more; false, and nothing done, where another has it."""
        if key in self._queues:
            return True
        with self._locks.mutex:
            if key in self._locks.queues:
                return False
            self._join(key)
        return True

    def is_queued_for(self, keys: Collection[str]) -> bool:
        """Whether it stands in the line of each of them."""
        return self._queues.keys() >= set(keys)

    def queue_for(self, keys: Collection[str]) -> None:
        """Leave its lines, and stand at the end of the lines of `things`, all at once.

        That no two places wait for each other follows from the one lock.
        """
        self.release()
        with self._locks.mutex:
            for key in keys:
                self._join(key)
            self._behind = sum(queue.holders[0] is not self for queue in self._queues.values())
            self._is_first = threading.Event()
            self._signal_if_first()

    def wait(self) -> None:
        """Wait until it is first in all its lines, or until who has its turn is stuck.

        However long a line is: while it moves, to leave it would only disturb it.
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
        """Leave all lines; in each, the next one moves up."""
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
    """In this thread, do `act` before each wait for a turn; what it raises ends the wait.

    It is told how many stand in the line, the longest where there are more.
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
