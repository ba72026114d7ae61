"""Threads for requests: so many are handled at once, and who waits for a turn holds up no other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from chassis.data.conflict_locks import on_wait
from chassis.edge.bodies import MOST_BODIES
from chassis.edge.statuses import Exhausted

# Requests that are handled at once. More would only wait for each other: Python runs one thread at
# a time, and each that waits for MongoDB holds one of the client's 100 connections.
THREADS = 32
# Requests that wait for a turn at something that others change (conflict_locks), which costs a
# thread and nothing else. They are not among the 32.
MAX_WAITING = 256
# Of these, for one thing. At 300 turns a second the last one has its turn after half a second.
MAX_WAITING_FOR_ONE = MAX_WAITING // 2


class BoundedExecutor(ThreadPoolExecutor):
    """The threads of requests. Only so many are `working` at once."""

    def __init__(self, threads: int = THREADS, waiting: int = MAX_WAITING) -> None:
        super().__init__(threads + waiting + MOST_BODIES, "call")
        self._working = threading.Semaphore(threads)
        self._waiting = threading.Semaphore(waiting)
        self.http = ThreadPoolExecutor(threads + waiting, "http-call")
        """The threads of requests by HTTP. Theirs never wait for a body or for room for one: a body
        that has room must not wait for a thread of those who wait for room."""
        self.refusing = ThreadPoolExecutor(1, "refuse")
        """The thread of those who are told that there is no room for them."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Wait until this thread may work, and work."""
        self._working.acquire()
        permit = _Permit(self._working, self._waiting)
        try:
            with on_wait(permit.wait):
                yield
        finally:
            permit.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work."""
        self.http.shutdown(wait, cancel_futures=cancel_futures)
        self.refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


class _Permit:
    """Whether a piece of work is among those at work, or among those that wait for a turn.

    Who had to wait goes on without counting as at work: it has the turn, and others wait for it.
    """

    def __init__(self, working: threading.Semaphore, waiting: threading.Semaphore) -> None:
        self._working, self._waiting = working, waiting
        self._waited = False

    def wait(self, waiting_for_it: int) -> None:
        """Let another work. Raises Exhausted where too many wait."""
        if self._waited:
            return
        if waiting_for_it > MAX_WAITING_FOR_ONE or not self._waiting.acquire(blocking=False):
            raise Exhausted("too many want to change the same thing now", "turns")
        self._waited = True
        self._working.release()

    def release(self) -> None:
        """It is done."""
        (self._waiting if self._waited else self._working).release()
