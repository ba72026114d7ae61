"""The provider's clock: the world's, which the demo may steer, and a skew."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from chassis.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Timing:
    """A clock that may be ahead of the world's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()

    def now(self) -> int:
        """Return what the clock shows, in milliseconds since 1970."""
        return self.shown(self._clock.now())

    def shown(self, instant: datetime) -> int:
        """Return what the clock shows at an instant of the world's clock."""
        return (instant + self.ahead - _EPOCH) // timedelta(milliseconds=1)

    def date(self) -> str:
        """Return the value of the header Date."""
        return format_datetime(self._clock.now() + self.ahead, usegmt=True)
