"""Learners who are falling behind, in MongoDB."""

from chassis.contracts.mapping import from_document
from chassis.data.pages import Page, find_page
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.store_plans import PlansStore

IS_BEHIND = {"$type": "date"}  # as in the migration: the query needs it to use the index


class FallingBehindStore(PlansStore):
    """The part of the store with learners who are falling behind."""

    def falling_behind_page(self, run_id: str, page: Page) -> tuple[list[LearnerRunState], str]:
        """Return the run's learners who are falling behind, longest first, and the token of the
        next page.
        """
        query = {"run_id": run_id, "behind_since": IS_BEHIND}
        order = [("behind_since", 1), ("learner_id", 1)]
        rows, token = find_page(self["standings"], query, order, page, self.session)
        return [from_document(row, LearnerRunState) for row in rows], token
