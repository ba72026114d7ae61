"""Queries about learners who are falling behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.data.pages import Page
from services.progress.domain import views
from services.progress.domain.views import LearnerProgress
from services.progress.queries import plan_of
from services.progress.store import ProgressStore


@dataclass(frozen=True, slots=True)
class FallingBehind:
    """ListFallingBehindResponse."""

    learners: Sequence[LearnerProgress]
    next_page_token: str


def falling_behind(store: ProgressStore, run_id: str, page: Page) -> FallingBehind:
    """Return a page of a run's learners who are falling behind, longest first. Raises NotFound,
    Invalid (page_token).
    """
    plan = plan_of(store, run_id)
    run_states, token = store.falling_behind_page(run_id, page)
    rows = [views.learner_progress(run_state, plan, store.now) for run_state in run_states]
    return FallingBehind(rows, token)
