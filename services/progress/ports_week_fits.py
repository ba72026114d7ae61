"""What fitting work into weeks needs of the store."""

from collections.abc import Collection, Iterable
from typing import Protocol

from services.progress.domain.enums import Key
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.study_hours import StudyHours


class WeekFitsStore(Protocol):
    """The hours of learners, and all their runs."""

    def study_hours(self, learner_ids: Iterable[str]) -> dict[str, StudyHours]:
        """Return the hours of those learners who told them, by learner."""

    def put_study_hours(self, hours: Iterable[StudyHours]) -> None:
        """Store hours."""

    def places_of(self, learner_ids: Collection[str]) -> dict[Key, LearnerRunState]:
        """Return the run states of learners in all runs in which they have a place."""
