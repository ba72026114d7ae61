"""Turns: of a crowd that wants the same thing one goes on after the other, unless one is stuck."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from chassis import deadline

# Seconds. Who has its turn for longer is stuck, or waits for another process.
LONGEST = 2.0


class Turns:
    """One process's turns at one thing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Go on when it is our turn; without one where nobody's ends, or half our time is over."""
        ours = self._wait()
        try:
            yield
        finally:
            if ours:
                self._lock.release()

    def _wait(self) -> bool:
        end = time.monotonic() + deadline.left() / 2
        while True:
            before, patience = self._taken, min(LONGEST, end - time.monotonic())
            if self._lock.acquire(timeout=max(0.0, patience)):
                self._taken += 1
                return True
            # However long the line is: while it moves, to leave it would only disturb it.
            if self._taken == before or time.monotonic() >= end:
                return False
