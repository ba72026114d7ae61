"""Until when all statements can be read (xAPI 1.0.3, part 3, section 2.1.3)."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from chassis.data.store import Database
from services.progress.store import ProgressStore

# Seconds. What was consistent then still is.
LATELY = 1.0


class Consistency:
    """Until when all statements that were or will be stored can be read. Threads share one."""

    def __init__(
        self, database: Database[ProgressStore], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._clock = database, clock
        self._mutex = threading.Lock()
        self._last: tuple[float, datetime] | None = None

    def now(self) -> datetime:
        """Return it as it is now. What was consistent once stays so: it never goes back, though an
        announcement may be seen later than the instant that it tells.
        """
        read_at = self._clock()
        found = self._database.reader().consistent_through()
        with self._mutex:
            if self._last is not None:
                found = max(found, self._last[1])
            self._last = read_at, found
        return found

    def lately(self) -> datetime:
        """Return it as it was up to a second ago, which mostly takes no query."""
        if self._last is None or self._clock() - self._last[0] > LATELY:
            return self.now()
        return self._last[1]
