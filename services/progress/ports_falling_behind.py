"""What judging who is falling behind needs of the store."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from services.progress.domain.falling_behind import ReasonKind
from services.progress.domain.judgement import RunSilence


class FallingBehindStore(Protocol):
    """How long the median learners of runs have been silent, and the count of falls."""

    def silences(self, run_ids: Collection[str]) -> dict[str, RunSilence]:
        """Return what was counted last, by run."""

    def put_silences(self, silences: Iterable[RunSilence]) -> None:
        """Store what was counted."""

    def median_last_seen(self, run_id: str) -> datetime | None:
        """Return when the median learner of a run last did anything, or came, rounded down to the
        hour; None without any.
        """

    def note_verdict(self, kinds: Collection[ReasonKind]) -> None:
        """Count that a learner fell behind for these kinds of reasons, or (none) recovered."""
