"""Waiting until a condition is true, for the stack, the demo and the imports."""

import time
from collections.abc import Callable

POLL = 0.02
"""Seconds between two checks of something that is about to happen."""
SELDOM = 0.2
"""Seconds between two checks that each call a service."""
GROWTH = 1.5


def wait_until(holds: Callable[[], bool], patience: float, pause: float = POLL) -> bool:
    """Check until `holds()`, for up to `patience` seconds; return whether it became true.

    The pauses grow from `pause` to SELDOM: checks must not slow down what they wait for.
    """
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * GROWTH, SELDOM)
    return True


def wait_for(what: str, holds: Callable[[], bool], patience: float, error: type[Exception]) -> None:
    """Wait until `holds()`. After `patience` seconds raise `error`, which says what is missing."""
    if not wait_until(holds, patience, SELDOM):
        raise error(f"after {patience:.0f} s still waiting for {what}")
