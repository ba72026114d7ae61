"""The hours of learners in MongoDB, and all their runs."""

from collections.abc import Collection, Iterable

from pymongo import ReplaceOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data.store import Store
from services.progress.domain.enums import EnrolmentState, Key
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.study_hours import StudyHours


class WeekFitsRows(Store):
    """The hours in progress' database."""

    def study_hours(self, learner_ids: Iterable[str]) -> dict[str, StudyHours]:
        """Return the hours of those learners who told them, by learner."""
        rows = self.find_by_ids("study_hours", learner_ids)
        return {row["_id"]: from_document(row, StudyHours) for row in rows}

    def put_study_hours(self, hours: Iterable[StudyHours]) -> None:
        """Store hours."""
        writes = [ReplaceOne({"_id": each.id}, to_document(each), upsert=True) for each in hours]
        if writes:
            self["study_hours"].bulk_write(writes, ordered=False, session=self.session)

    def places_of(self, learner_ids: Collection[str]) -> dict[Key, LearnerRunState]:
        """Return the run states of learners in all runs in which they have a place."""
        query = {
            "learner_id": {"$in": list(learner_ids)},
            "state": EnrolmentState.ENROLLED.value,
        }
        rows = self["standings"].find(query, session=self.session)
        return {each.key: each for each in (from_document(row, LearnerRunState) for row in rows)}
