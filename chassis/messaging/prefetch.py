"""The prefetch of a queue: how many messages a worker asks for, so that they fit into its memory.

RabbitMQ limits unacknowledged messages only by their number (it has no prefetch_size). So a worker
asks for few messages until it has seen how large they are, and then for as many as its share of the
memory holds. If suddenly large messages follow small ones, it has asked for too many: it returns
what it holds and asks for few again.
"""

# Bytes of the bodies that a worker process has in flight, over all of its queues.
MEMORY = 32 * 2**20
# At first a worker knows nothing about a queue: every message may be as large as an event can be.
LARGEST = 256 * 2**10
# The size is the mean of about WINDOW messages; ENOUGH must be known before it asks for more.
WINDOW, ENOUGH = 20, 5


class Prefetch:
    """The prefetch of one queue, by the sizes of its messages and the bytes in flight."""

    def __init__(self) -> None:
        """Begin without knowledge of the queue."""
        self._mean, self._seen = float(LARGEST), 0
        self.begin(LARGEST, 1)

    def begin(self, share: int, most: int) -> None:
        """Begin to consume the queue: `share` of the memory, in bytes; `most` messages at most."""
        self._share, self._most = share, most
        self._in_flight = 0
        self.count = self.fitting
        """The present prefetch."""

    @property
    def fitting(self) -> int:
        """How many messages fit into the share, by their mean size."""
        return min(self._most, max(1, int(self._share / max(self._mean, 1.0))))

    @property
    def should_grow(self) -> bool:
        """Whether twice as many would fit."""
        return self._seen >= ENOUGH and self.fitting >= min(2 * self.count, self._most) > self.count

    @property
    def is_too_large(self) -> bool:
        """Whether more than twice the share is in flight, and the prefetch should shrink."""
        return self._in_flight > 2 * self._share and self.fitting < self.count

    def took(self, size: int) -> None:
        """Count a message of `size` bytes that was delivered."""
        self._in_flight += size
        self._seen += 1
        self._mean += (size - self._mean) / min(self._seen, WINDOW)

    def let_go(self, size: int) -> None:
        """Count a message of `size` bytes that is no longer in flight."""
        self._in_flight -= size

    def grow(self) -> int:
        """Set the prefetch to as many messages as fit, and return it."""
        self.count = self.fitting
        return self.count
