"""The class page of a run: the run at a glance, and its learners in any order."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.data.pages import Page
from chassis.edge.access import check_reach
from services.progress.domain import views
from services.progress.domain.class_page import Selection
from services.progress.domain.plan import Plan
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
    plan = _plan_of(store, selection)
    rows, token = _learners(store, selection, page, plan)
    return RunProgress(_summary(store, plan, page), rows, token)


def learners(
    store: ProgressStore, selection: Selection, page: Page
) -> tuple[list[LearnerProgress], str]:
    """Return a page of a run's learners, and the token of the next one. Raises the same errors."""
    return _learners(store, selection, page, _plan_of(store, selection))


def _plan_of(store: ProgressStore, selection: Selection) -> Plan:
    if selection.filter.group_id is not None:
        check_reach(selection.run_id, [selection.filter.group_id])
    return plan_of(store, selection.run_id)


def _learners(
    store: ProgressStore, selection: Selection, page: Page, plan: Plan
) -> tuple[list[LearnerProgress], str]:
    run_states, token = store.run_states_page(selection, page)
    return [views.learner_progress(each, plan, store.now) for each in run_states], token


def _summary(store: ProgressStore, plan: Plan, page: Page) -> RunSummary:
    run_id = plan.run.id
    groups = page.runs.get(run_id) if page.runs else None
    totals = store.totals_of_groups(run_id, groups) if groups else store.totals(run_id)
    return views.run_summary(plan, totals, store.now)
