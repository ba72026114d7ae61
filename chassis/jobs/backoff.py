"""How long to wait after failures."""

import random
from datetime import timedelta

# 2 to this power, in any unit, is longer than anyone waits; beyond it a timedelta overflows.
_LARGEST_POWER = 20


def pause(
    failures: int, first: timedelta, longest: timedelta, jitter: float | None = None
) -> timedelta:
    """How long to wait after this many failures (1 or more).

    `first`, doubled by each further failure, up to `longest`; of that between one half and all, so
    that those that failed together don't come back together. `jitter`, in [0, 1], says where in
    between; drawn by lot where it is None.
    """
    whole = min(first * (1 << min(max(failures - 1, 0), _LARGEST_POWER)), longest)
    share = random.random() if jitter is None else jitter
    return whole * (0.5 + share / 2)
