"""Time as a port: the system's clock, or for the demo and tests a clock that can be steered.

Only times that people plan by (deadlines, reminders, cut-offs) use this clock. Leases, tokens and
presigned URLs use the system's clock, because the other side of them does too.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current instant in UTC, in whole milliseconds (as precise as a BSON date)."""


def _milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return _milliseconds(datetime.now(UTC))


class SteeredClock:
    """A clock that all processes of one machine read from one file, so that a demo can steer it.

    The file holds `{"at": <ISO instant>, "set": <Unix seconds>, "rate": <number>}`: at the system's
    time `set` this clock showed `at`; since then it runs `rate` seconds in each real second.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._at, self._set, self._rate = datetime.now(UTC), time.time(), 1.0

    def now(self) -> datetime:
        self._refresh()
        passed = (time.time() - self._set) * self._rate
        return _milliseconds(self._at + timedelta(seconds=passed))

    def steer(self, at: datetime, rate: float = 1.0) -> None:
        """Set the clock to `at`, running at `rate` from now on, in every process."""
        text = json.dumps({"at": at.isoformat(), "set": time.time(), "rate": rate})
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(self._path)

    def _refresh(self) -> None:
        stamp = self._path.stat().st_mtime_ns
        if stamp != self._stamp:
            state = json.loads(self._path.read_text())
            self._at = datetime.fromisoformat(state["at"]).astimezone(UTC)
            self._set, self._rate = float(state["set"]), float(state["rate"])
            self._stamp = stamp


def by_system_clock(at: datetime, now: datetime) -> datetime:
    """Return when the system's clock shows what another clock shows at `at`; `now`: what that shows
    now. MongoDB deletes documents by the system's clock, whatever the platform's shows.
    """
    return datetime.now(UTC) + (at - now)


def clock_from(setting: str) -> Clock:
    """Return the clock that TANDEM_CLOCK names: `system`, or `file:<path>` for a steered one."""
    if setting == "system":
        return SystemClock()
    if setting.startswith("file:"):
        return SteeredClock(Path(setting.removeprefix("file:")))
    raise ValueError(f"TANDEM_CLOCK is {setting!r}; right would be 'system' or 'file:<path>'")
