"""How many messages of a queue a worker asks for, so that their bodies fit into its memory.

RabbitMQ bounds what is not acknowledged by number alone (it has no prefetch_size). So a worker asks
for few messages until it has seen how large they are; then for as many as its share of the memory
holds. Where large ones come all at once, after small ones, it has asked for too many: it
gives back what it holds and asks for few again.
"""

# Of the bodies that a worker process has in hand, over all of its queues.
MEMORY = 32 * 2**20
# A worker knows nothing of a queue at first: every message may be the largest event.
LARGEST = 256 * 2**10
# What counts is the mean of about so many messages; so few must be known to ask for more.
WINDOW, ENOUGH = 20, 5


class Prefetch:
    """Of one queue: what is in hand, how large its messages are, and so how many to ask for."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._mean, self._seen = float(LARGEST), 0
        self.begin(LARGEST, 1)

    def begin(self, share: int, most: int) -> None:
        """The queue is consumed anew: `share` of the memory, in bytes; `most` messages at all."""
        self._share, self._most = share, most
        self._in_flight = 0
        self.count = self.fitting
        """How many messages the queue was asked for."""

    @property
    def fitting(self) -> int:
        """How many messages the share holds, by what is known of them."""
        return min(self._most, max(1, int(self._share / max(self._mean, 1.0))))

    @property
    def should_grow(self) -> bool:
        """Whether twice as many would fit."""
        return self._seen >= ENOUGH and self.fitting >= min(2 * self.count, self._most) > self.count

    @property
    def is_too_large(self) -> bool:
        """Whether twice the share is in hand, and fewer were better."""
        return self._in_flight > 2 * self._share and self.fitting < self.count

    def took(self, size: int) -> None:
        """A message came, of `size` bytes."""
        self._in_flight += size
        self._seen += 1
        self._mean += (size - self._mean) / min(self._seen, WINDOW)

    def let_go(self, size: int) -> None:
        """A message of `size` bytes is not in hand any more."""
        self._in_flight -= size

    def grow(self) -> int:
        """The queue is asked for as many as fit: how many that is."""
        self.count = self.fitting
        return self.count
