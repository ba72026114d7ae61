"""Threads for requests: so many are handled at once, and who waits for a turn holds up no other."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from chassis.data.turns import before_waiting
from chassis.edge.statuses import Exhausted

# Requests that are handled at once. More would only wait for each other: Python runs one thread at
# a time, and each that waits for MongoDB holds one of the client's 100 connections.
THREADS = 32
# Requests that wait for a turn at something that others change (chassis.data.turns), which costs a
# thread and nothing else. They are not among the 32.
MOST_IN_LINES = 256
# Of these, for one thing. At 300 turns a second the last one has its turn after half a second.
MOST_IN_LINE = MOST_IN_LINES // 2

T = TypeVar("T")


class BoundedExecutor(ThreadPoolExecutor):
    """The threads."""

    def __init__(self, threads: int = THREADS, in_lines: int = MOST_IN_LINES) -> None:
        super().__init__(threads + in_lines, "call")
        self._working = threading.Semaphore(threads)
        self._in_lines = threading.Semaphore(in_lines)
        self.refusing = ThreadPoolExecutor(1, "refuse")
        """The thread of those who are told that there is no room for them."""

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Do `work` on a thread, soon."""
        return super().submit(self._do, lambda: work(*args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work."""
        self.refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _do(self, work: Callable[[], T]) -> T:
        self._working.acquire()
        stand = _Stand(self._working, self._in_lines)
        try:
            with before_waiting(stand.wait_in_line):
                return work()
        finally:
            stand.leave()


class _Stand:
    """Whether a piece of work is among those at work, or among those that wait for a turn.

    Who had to wait goes on without counting as at work: it has the turn, and others wait for it.
    """

    def __init__(self, working: threading.Semaphore, in_lines: threading.Semaphore) -> None:
        self._working, self._in_lines = working, in_lines
        self._waited = False

    def wait_in_line(self, in_line: int) -> None:
        """Let another work. Raises Exhausted where too many wait."""
        if self._waited:
            return
        if in_line > MOST_IN_LINE or not self._in_lines.acquire(blocking=False):
            raise Exhausted("too many want to change the same thing now", "turns")
        self._waited = True
        self._working.release()

    def leave(self) -> None:
        """It is done."""
        (self._in_lines if self._waited else self._working).release()


def on_threads(threads: ThreadPoolExecutor, behaviour: Any) -> Any:
    """An RPC's behaviour, which grpc is to call on these threads."""
    # grpc looks for this attribute (grpc/_server.py, _select_thread_pool_for_behavior).
    behaviour.experimental_thread_pool = threads
    return behaviour
