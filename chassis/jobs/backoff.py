"""Exponential backoff after failures."""

import random
from datetime import timedelta

# 2 to this power is long enough in any unit; beyond it a timedelta overflows.
_LARGEST_POWER = 20


def pause(
    failures: int, first: timedelta, longest: timedelta, jitter: float | None = None
) -> timedelta:
    """Return how long to wait after this many failures (1 or more).

    `first`, doubled by each further failure, up to `longest`; of that a random share between one
    half and all, so that jobs that failed together don't come back together. `jitter`, in [0, 1],
    sets the share; None: it is random.
    """
    whole = min(first * (1 << min(max(failures - 1, 0), _LARGEST_POWER)), longest)
    share = random.random() if jitter is None else jitter
    return whole * (0.5 + share / 2)
