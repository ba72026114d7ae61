"""What a replica knows of one class with members here. It has no connection, and never waits.

Entries come from several sides: who stored them, the exchange, the database. They come twice, and
out of order; members get each once, in order. The newest ones are kept in a tail that all members
share. A member has a position: the number of the last entry that it got.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from services.sessions.live.frames import Frame

# How many of the newest entries, and bytes of them, a replica keeps for each class.
TAIL, TAIL_BYTES = 256, 1024 * 1024
# Entries that came early and wait for those before them; what is more is read from the database.
EARLY = 1_024

Wake = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest value of something that need not last: presence, a tally."""

    revision: int
    frame: Frame
    staff_frame: Frame
    """What staff get instead."""


class Classroom:
    """The newest entries of a class, its latest values, and whom to wake at news."""

    def __init__(self, session_id: str, number: int) -> None:
        """`number`: the entry after which it knows all."""
        self.session_id, self.newest, self.revision = session_id, number, 0
        self._tail: deque[Frame] = deque()
        self._bytes = 0
        self._early: dict[int, Frame] = {}
        self._latest: dict[str, Latest] = {}
        self._wakes: set[Wake] = set()

    # Entries

    def take(self, number: int, frame: Frame, certain: bool = False) -> bool:
        """Take an entry. Returns whether all before it are known: if not, it waits for them.

        `certain`: those between the newest and this one don't exist.
        """
        if number <= self.newest:
            return True
        if number > self.newest + 1 and not certain:
            if len(self._early) < EARLY:
                self._early[number] = frame
            return False
        self._append(number, frame)
        while (following := self._early.pop(self.newest + 1, None)) is not None:
            self._append(self.newest + 1, following)
        self._early = {n: early for n, early in self._early.items() if n > self.newest}
        self.wake()
        return not self._early

    def holds(self, position: int) -> bool:
        """Return whether all entries after a position are in the tail."""
        return position >= self.newest - len(self._tail)

    def after(self, position: int, most: int) -> list[Frame]:
        """Return up to `most` entries after a position that the tail holds."""
        first = max(0, len(self._tail) - (self.newest - position))
        return list(islice(self._tail, first, first + most))

    def _append(self, number: int, frame: Frame) -> None:
        # What is between does not exist, and positions count on the tail; or it is to be read anew.
        if number > self.newest + 1 or frame.rewrites:
            self._tail.clear()
            self._bytes = 0
        self.newest = number
        self._tail.append(frame)
        self._bytes += len(frame.binary)
        while len(self._tail) > TAIL or (self._bytes > TAIL_BYTES and len(self._tail) > 1):
            self._bytes -= len(self._tail.popleft().binary)

    # Latest values

    def tell(self, name: str, frame: Frame, staff_frame: Frame | None = None) -> None:
        """Replace a latest value."""
        self.revision += 1
        self._latest[name] = Latest(self.revision, frame, staff_frame or frame)
        self.wake()

    def untell(self, name: str) -> None:
        """Drop a latest value: who comes now does not get it."""
        self._latest.pop(name, None)

    def news(self, revision: int, for_staff: bool) -> Iterator[Frame]:
        """Yield the latest values that changed after a revision."""
        if revision == self.revision:
            return
        for each in self._latest.values():
            if each.revision > revision:
                yield each.staff_frame if for_staff else each.frame

    # Members

    def enter(self, wake: Wake) -> None:
        """Call `wake` at news from now on."""
        self._wakes.add(wake)

    def leave(self, wake: Wake) -> None:
        """Call `wake` no more."""
        self._wakes.discard(wake)

    def wake(self) -> None:
        """Wake all members."""
        for each in self._wakes:
            each()
