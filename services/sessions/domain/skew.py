"""How far a provider's clock is ahead of ours, from exchanges with it.

As NTP does (RFC 5905, section 8): the provider read its clock between our request and its answer,
so the estimate is wrong by half of the round trip at most.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of a provider's clock, and our clock before and after it."""

    sent: datetime
    theirs: datetime
    received: datetime
    precision: timedelta = timedelta()
    """How coarse `theirs` is: their clock showed a time in [theirs, theirs + precision]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """How far the provider's clock is ahead of ours, and by how much that may be wrong."""

    ahead: timedelta
    error: timedelta

    def corrected(self, theirs: datetime) -> datetime:
        """Return an instant of the provider's clock as one of ours."""
        return theirs - self.ahead


def skew(readings: Iterable[Reading]) -> Skew | None:
    """Return the most certain estimate; None without a reading.

    A reading during which our own clock was set back tells nothing.
    """
    estimates = (_estimate(each) for each in readings if each.received >= each.sent)
    return min(estimates, key=lambda each: each.error, default=None)


def _estimate(reading: Reading) -> Skew:
    trip = reading.received - reading.sent
    ahead = reading.theirs + reading.precision / 2 - (reading.sent + trip / 2)
    return Skew(ahead=ahead, error=(trip + reading.precision) / 2)
