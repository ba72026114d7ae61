"""The threads of requests: a bounded number works at once, and waiting requests don't count."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from chassis.data.conflict_locks import on_wait
from chassis.edge.bodies import MOST_BODIES
from chassis.edge.statuses import Exhausted

# Requests that work at once. More would only wait for each other: Python runs one thread at a time,
# and each request that waits for MongoDB holds one of the client's 100 connections.
THREADS = 32
# Requests that wait for a conflict lock. Each costs a thread and nothing else; they are not among
# the 32.
MAX_WAITING = 256
# Of these, for one lock. At 300 locks a second the last request has it after half a second.
MAX_WAITING_FOR_ONE = MAX_WAITING // 2


class BoundedExecutor(ThreadPoolExecutor):
    """The threads of requests. Only so many are `working` at once."""

    def __init__(self, threads: int = THREADS, waiting: int = MAX_WAITING) -> None:
        super().__init__(threads + waiting + MOST_BODIES, "call")
        self._working = threading.Semaphore(threads)
        self._waiting = threading.Semaphore(waiting)
        self.http = ThreadPoolExecutor(threads + waiting, "http-call")
        """The threads of requests by HTTP. They never wait for room for a body. With one pool for
        both protocols, a body with room could wait for a thread that waits for room."""
        self.refusing = ThreadPoolExecutor(1, "refuse")
        """The thread that refuses requests without a slot."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Wait for a permit to work, and hold it inside this context."""
        self._working.acquire()
        permit = _Permit(self._working, self._waiting)
        try:
            with on_wait(permit.wait):
                yield
        finally:
            permit.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more work."""
        self.http.shutdown(wait, cancel_futures=cancel_futures)
        self.refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


class _Permit:
    """The permit of one request: either to work, or to wait for a conflict lock.

    A request that waited works on without a permit to work: it holds a lock that others wait for.
    """

    def __init__(self, working: threading.Semaphore, waiting: threading.Semaphore) -> None:
        self._working, self._waiting = working, waiting
        self._waited = False

    def wait(self, waiting_for_it: int) -> None:
        """Give the permit to work to another request. Raises Exhausted if too many wait."""
        if self._waited:
            return
        if waiting_for_it > MAX_WAITING_FOR_ONE or not self._waiting.acquire(blocking=False):
            raise Exhausted("too many want to change the same thing now", "turns")
        self._waited = True
        self._working.release()

    def release(self) -> None:
        """Give the permit back."""
        (self._waiting if self._waited else self._working).release()
