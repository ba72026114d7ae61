"""How much one person, and all of them, may do on a replica."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chassis.edge.statuses import Exhausted

# Streams of one person on a replica: a few devices, and what breaks and comes again.
MOST_STREAMS = 8
# Commands of a person a second, and how many at once after a pause; bytes likewise.
COMMANDS, COMMANDS_AT_ONCE = 5.0, 20.0
BYTES, BYTES_AT_ONCE = 64 * 1024.0, 128 * 1024.0
# Streams beside those of members: of callers who have not joined yet, and health checks.
UNKNOWN = 1_000
# Bytes of a message.
LARGEST = 64 * 1024

Now = Callable[[], float]


class TokenBucket:
    """A bucket that fills at a rate up to a size; who takes more than is in it waits."""

    def __init__(self, rate: float, size: float, now: Now = time.monotonic) -> None:
        self._rate, self._size, self._now = rate, size, now
        self._level, self._at = size, now()

    @property
    def is_full(self) -> bool:
        """Whether nothing was taken, or all has filled up again."""
        self._fill()
        return self._level >= self._size

    def take(self, amount: float = 1.0) -> float:
        """Take an amount, and return 0; or take nothing, and return after how many seconds there
        will be enough.
        """
        self._fill()
        if amount > self._level:
            return (min(amount, self._size) - self._level) / self._rate
        self._level -= amount
        return 0.0

    def _fill(self) -> None:
        now = self._now()
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now


@dataclass
class Person:
    """One person on a replica: the streams, and what is left of the limits."""

    streams: int = 0
    commands: TokenBucket = field(default_factory=lambda: TokenBucket(COMMANDS, COMMANDS_AT_ONCE))
    bytes: TokenBucket = field(default_factory=lambda: TokenBucket(BYTES, BYTES_AT_ONCE))

    @property
    def is_rested(self) -> bool:
        """Whether no limit remembers what the person did."""
        return self.commands.is_full and self.bytes.is_full

    def wait(self, size: int) -> float:
        """Count a command of some bytes. Returns for how long the person has to wait first."""
        return self.bytes.take(float(size)) or self.commands.take()


class People:
    """Who has streams on a replica, or had: who leaves and comes back finds the own limits."""

    def __init__(self, most: int) -> None:
        """`most`: streams of all people."""
        self._most = most
        self._people: dict[str, Person] = {}
        self.streams = 0

    @contextmanager
    def one(self, person_id: str) -> Iterator[Person]:
        """Count one more stream of a person inside this context. Raises Exhausted if there are too
        many.
        """
        if self.streams >= self._most:
            raise Exhausted(f"{self._most} members are connected here", "streams")
        person = self._people.setdefault(person_id, Person())
        if person.streams >= MOST_STREAMS:
            raise Exhausted(f"you have {MOST_STREAMS} streams open here", "caller")
        person.streams += 1
        self.streams += 1
        try:
            yield person
        finally:
            person.streams -= 1
            self.streams -= 1

    def forget(self) -> None:
        """Forget who has no stream and has not done anything for a while."""
        self._people = {
            name: each for name, each in self._people.items() if each.streams or not each.is_rested
        }
