"""Counts the enrolled learners of runs without a capacity.

Such a run has no counter, because all its enrolments would contend for it. MongoDB
counts 1,000 in under a millisecond and 300,000 in 0.2 s, so a large count is cached for some
seconds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.catalog.domain.runs import Run
from services.catalog.store import CatalogStore

LARGE = 10_000
KEPT = 5.0  # seconds


class Counts:
    """Counts the learners of runs, and caches large counts."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._large: dict[str, tuple[int, float]] = {}

    def counted(self, store: CatalogStore, runs: Sequence[Run]) -> list[Run]:
        """Return the runs with their counts of learners; 10,000 or more may be 5 s old."""
        now = self._monotonic()
        kept = {id_: count for id_, (count, until) in self._large.items() if now < until}
        wanted = {run.id for run in runs if not run.is_limited} - kept.keys()
        found = store.count_enrolled(wanted) if wanted else {}
        self._keep(found, now + KEPT)
        counts = {**dict.fromkeys(wanted, 0), **kept, **found}
        return [replace(run, enrolled=counts.get(run.id, run.enrolled)) for run in runs]

    def _keep(self, found: dict[str, int], until: float) -> None:
        large = {id_: (count, until) for id_, count in found.items() if count >= LARGE}
        if large:
            self._large = {**self._large, **large}
