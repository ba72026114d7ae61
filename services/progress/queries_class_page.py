"""The class page of a run: the run at a glance, and its learners in any order."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.data.pages import Page
from chassis.edge.access import check_reach
from services.progress.domain import views
from services.progress.domain.class_page import Selection
from services.progress.domain.views import LearnerProgress, RunSummary
from services.progress.queries import plan_of
from services.progress.store import ProgressStore


@dataclass(frozen=True, slots=True)
class RunProgress:
    """ListRunProgressResponse."""

    summary: RunSummary
    learners: Sequence[LearnerProgress]
    next_page_token: str


def run_progress(store: ProgressStore, selection: Selection, page: Page) -> RunProgress:
    """Return a run's summary with a page of its learners; for a page of groups, their summary.

    Raises NotFound, Invalid (page_token), and PermissionDenied for a filter by a group that the
    caller may not see.
    """
    rows, token = learners(store, selection, page)
    return RunProgress(_summary(store, selection.run_id, page), rows, token)


def learners(
    store: ProgressStore, selection: Selection, page: Page
) -> tuple[list[LearnerProgress], str]:
    """Return a page of a run's learners, and the token of the next one. Raises the same errors."""
    if selection.filter.group_id is not None:
        check_reach(selection.run_id, [selection.filter.group_id])
    plan = plan_of(store, selection.run_id)
    run_states, token = store.run_states_page(selection, page)
    return [views.learner_progress(each, plan, store.now) for each in run_states], token


def _summary(store: ProgressStore, run_id: str, page: Page) -> RunSummary:
    groups = page.runs.get(run_id) if page.runs else None
    totals = store.totals_of_groups(run_id, groups) if groups else store.totals(run_id)
    return views.run_summary(plan_of(store, run_id), totals, store.now)
