"""Turns: of a crowd that wants the same thing one goes on after the other, unless one is stuck."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from chassis import deadline

# Seconds. Who has its turn for longer, or for half of what another's deadline leaves, is stuck.
LONGEST = 2.0


class Turns:
    """One process's turns at one thing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Go on when it is our turn, or without one where nobody's ends."""
        ours = self._wait()
        try:
            yield
        finally:
            if ours:
                self._lock.release()

    def _wait(self) -> bool:
        while deadline.left() > 0:
            before = self._taken
            if self._lock.acquire(timeout=max(0.0, min(LONGEST, deadline.left() / 2))):
                self._taken += 1
                return True
            # However long the line is: while it moves, to leave it would only disturb it.
            if self._taken == before:
                return False
        return False
