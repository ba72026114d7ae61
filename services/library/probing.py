"""Runs the probe (`probe.py`) of a stored file as a process."""

import threading
from collections.abc import Callable
from typing import Any

import structlog

from services.library import probe
from services.library.child import RUBBISH, Ended, running
from services.library.domain.types import LONGEST as LONGEST_PLAY
from services.library.probe import Verdict
from services.library.ranges import Read

# Seconds that a probe may take by itself, without the time in which the S3 store answers. They are
# many, because a busy machine must not fail a good file; probe.LIMITS ends others before.
LONGEST = 120.0

log = structlog.get_logger()


class Prober:
    """Opens files, one at a time, each in a process with limits.

    With probe.LIMITS, the number of probers decides the memory that a worker needs.
    """

    def __init__(self, module: str = probe.__name__, longest: float = LONGEST) -> None:
        """`module`: what is run, with the arguments of probe.main; `longest`: in seconds."""
        self._module, self._longest = module, longest
        self._turn = threading.Lock()

    def __call__(
        self, media_type: str, size: int, read: Read, go_on: Callable[[], None]
    ) -> Verdict:
        """Return what a probe finds in a file of a type, or why it found nothing.

        `go_on` is called before each range. Raises what `go_on` and `read` raise, and CantStart.
        """
        process = running(
            self._module, media_type, str(size), doing="opening it", longest=self._longest
        )
        with self._turn, process as child:
            try:
                return _verdict(next(child.serve(size, probe.MOST_READ, read, go_on)))
            except Ended as why:
                log.warning("a probe gave no result", why=str(why))
                return Verdict(fault=str(why))


def _verdict(said: dict[str, Any]) -> Verdict:
    seconds, fault = said.get("seconds", 0.0), said.get("fault", "")
    if said.keys() not in ({"seconds"}, {"fault"}) or not isinstance(fault, str):
        raise Ended(RUBBISH)
    if not isinstance(seconds, int | float) or not 0 <= seconds < LONGEST_PLAY:
        raise Ended(RUBBISH)
    return Verdict(float(seconds), fault[: probe.LONGEST_FAULT])
