"""A run at a glance: what its learners add up to.

How many learners are overdue, silent, or of a mode follows from the numbers of learners in the
buckets of the class page, which are counted with every change.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.progress.domain.class_page import MODES, TRAITS, UNKNOWN_MODE, day_of
from services.progress.domain.enums import AttendanceMode
from services.progress.domain.learner_run_state import LearnerRunState

SILENCE = timedelta(days=14)


def counted_buckets(run_state: LearnerRunState) -> Sequence[str]:
    """Return the buckets whose learners the run's summary counts: cell and day."""
    return run_state.listing.buckets[:2] if run_state.listing else ()


@dataclass(frozen=True, slots=True)
class Totals:
    """What the learners of a run, or of some of its groups, add up to."""

    counts: Mapping[str, int]
    """The sum of each of their counts, and of statements."""
    buckets: Mapping[str, int]
    """The number of learners in each bucket that is counted."""


@dataclass(frozen=True, slots=True)
class ModeSummary:
    """The learners of a run who usually take part in one way."""

    mode: AttendanceMode
    learners: int = 0
    completed_path: int = 0
    overdue_learners: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """What the numbers of learners in buckets say of a run."""

    overdue_learners: int
    silent_learners: int
    modes: Sequence[ModeSummary]


def overview(learners: Mapping[str, int], now: datetime) -> Overview:
    """Return the overview of a run by its numbers of learners in each counted bucket."""
    cells = [
        (dict(zip(TRAITS, bucket.split(":")[1:], strict=False)), count)
        for bucket, count in learners.items()
        if bucket.startswith("cell:")
    ]
    last = day_of(now - SILENCE)
    days = (
        count
        for bucket, count in learners.items()
        if bucket.startswith("day:") and int(bucket[4:]) < last
    )
    overdue = sum(count for traits, count in cells if traits["overdue"] != "0")
    return Overview(overdue, sum(days), list(_modes(cells)))


def _modes(cells: Iterable[tuple[Mapping[str, str], int]]) -> Iterator[ModeSummary]:
    counts: dict[str, Counter[str]] = {mode: Counter() for mode in (*MODES, UNKNOWN_MODE)}
    for traits, count in cells:
        own = counts.setdefault(traits["mode"], Counter())
        own["learners"] += count
        own["completed_path"] += count * (traits["path_completed"] == "1")
        own["overdue_learners"] += count * (traits["overdue"] != "0")
    for mode in AttendanceMode:
        if counts[mode]["learners"]:
            yield ModeSummary(mode, **counts[mode])
