"""How much may be sent a second: a rule of all workers together, which has reserves for the urgent.

A token bucket, kept as the one instant at which it will be full (ITU-T I.371, the generic cell rate
algorithm): in any stretch of time at most `per_second` mails for each of its seconds begin, and
`burst` more.
"""

import math
from dataclasses import dataclass

LEEWAY = 60.0
"""Seconds by which the clocks of workers may differ. What is further ahead was written by a clock
that was wrong."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate that all workers share. Instants are seconds since 1970."""

    per_second: float
    """Above 0."""

    @property
    def burst(self) -> float:
        """Return how many mails may begin at once after a pause: those of a second, at least 2."""
        return max(self.per_second, 2.0)

    @property
    def reserve(self) -> float:
        """Return how many of the burst are left for the lane of urgent mail."""
        return self.burst / 2

    def take(self, full_at: float, now: float, urgent: bool, most: int) -> tuple[int, float]:
        """Return how many mails may begin now, up to `most`, and when the bucket is full after
        them.

        `full_at`: when it is full without them. Only urgent mail takes from the reserve; so while
        it takes all of the rate, no other mail begins.
        """
        wait = self.burst / self.per_second
        if full_at - now > wait + LEEWAY:
            full_at = now + wait
        tokens = self.burst - max(full_at - now, 0.0) * self.per_second
        free = tokens - (0.0 if urgent else self.reserve)
        count = max(min(math.floor(free), most), 0)
        return count, max(full_at, now) + count / self.per_second if count else full_at

    def wait(self, full_at: float, now: float, urgent: bool) -> float:
        """Return the seconds until one more may begin, if nothing else is taken; 0: now."""
        wanted = 1 + (0.0 if urgent else self.reserve)
        return max(full_at - (self.burst - wanted) / self.per_second - now, 0.0)

    def give_back(self, full_at: float, count: int) -> float:
        """Return when the bucket is full after so many mails did not begin that were taken."""
        return full_at - count / self.per_second
