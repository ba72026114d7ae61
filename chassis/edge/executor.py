"""Threads for requests: so many are handled at once, and who waits for a turn holds up no other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from chassis.data.turns import before_waiting
from chassis.edge.bodies import MOST_BODIES
from chassis.edge.statuses import Exhausted

# Requests that are handled at once. More would only wait for each other: Python runs one thread at
# a time, and each that waits for MongoDB holds one of the client's 100 connections.
THREADS = 32
# Requests that wait for a turn at something that others change (chassis.data.turns), which costs a
# thread and nothing else. They are not among the 32.
MOST_IN_LINES = 256
# Of these, for one thing. At 300 turns a second the last one has its turn after half a second.
MOST_IN_LINE = MOST_IN_LINES // 2


class BoundedExecutor(ThreadPoolExecutor):
    """The threads of requests. Only so many are `working` at once."""

    def __init__(self, threads: int = THREADS, in_lines: int = MOST_IN_LINES) -> None:
        super().__init__(threads + in_lines + MOST_BODIES, "call")
        self._working = threading.Semaphore(threads)
        self._in_lines = threading.Semaphore(in_lines)
        self.http = ThreadPoolExecutor(threads + in_lines, "http-call")
        """The threads of requests by HTTP. Theirs never wait for a body or for room for one: a body
        that has room must not wait for a thread of those who wait for room."""
        self.refusing = ThreadPoolExecutor(1, "refuse")
        """The thread of those who are told that there is no room for them."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Wait until this thread may work, and work."""
        self._working.acquire()
        stand = _Stand(self._working, self._in_lines)
        try:
            with before_waiting(stand.wait_in_line):
                yield
        finally:
            stand.leave()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work."""
        self.http.shutdown(wait, cancel_futures=cancel_futures)
        self.refusing.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


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
