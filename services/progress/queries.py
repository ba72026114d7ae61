"""Queries. Dues and states are computed when they are asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.context.principal import Principal
from chassis.data.pages import Page
from chassis.edge.access import check_reach
from chassis.errors import FieldViolation, NotFound, check
from services.progress.domain import timeline, views
from services.progress.domain.catch_ups import CatchUp
from services.progress.domain.enums import Key
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.people import Person
from services.progress.domain.plan import Plan
from services.progress.domain.timeline import TimelineEntry, TimelineInterval
from services.progress.domain.views import ActivityProgress, LearnerProgress, StudyTime
from services.progress.store import ProgressStore


@dataclass(frozen=True, slots=True)
class Progress:
    """GetProgressResponse."""

    progress: LearnerProgress
    activities: Sequence[ActivityProgress]
    study: StudyTime


@dataclass(frozen=True, slots=True)
class CatchUps:
    """ListCatchUpsResponse."""

    catch_ups: Sequence[CatchUp]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """GetTimelineResponse."""

    entries: Sequence[TimelineEntry]


def progress(store: ProgressStore, run_id: str, learner_id: str) -> Progress:
    """Return one learner's progress in one run. Raises NotFound if the learner has no place in
    it, and PermissionDenied if the learner is in none of the groups that the caller may see.
    """
    key = (run_id, learner_id)
    run_state = store.run_states([key]).get(key)
    if run_state is None or not run_state.is_enrolled:
        raise NotFound(f"{learner_id!r} is not enrolled in run {run_id!r}")
    check_reach(run_id, run_state.group_ids)
    plan, learner = plan_of(store, run_id), _learner(store, run_state)
    return Progress(
        views.learner_progress(run_state, plan, store.now),
        views.activity_progress(learner, plan, store.now),
        views.study_time(run_state, plan, store.now),
    )


def catch_ups(store: ProgressStore, run_id: str, learner_id: str, page: Page) -> CatchUps:
    """Return the catch-ups of a run, a learner, or both, by due. Raises Invalid."""
    if not run_id and not learner_id:
        check(
            [FieldViolation("run_id", "is missing, and so is learner_id", "one of them, or both")]
        )
    return CatchUps(*store.catch_ups_page(run_id, learner_id, page))


def learners_timeline(
    store: ProgressStore, interval: TimelineInterval, viewer: Principal
) -> Timeline:
    """Return a learner's timeline in an interval, cut to the runs and groups that the viewer may
    see. Raises Invalid.
    """
    check(timeline.violations_of(interval))
    person = store.replicas(Person, [interval.learner_id]).get(interval.learner_id)
    interval = replace(interval, zone=interval.zone or (person.zone if person else ""))
    run_states = {
        each.run_id: each
        for each in store.enrolments(interval.learner_id)
        if viewer.reaches(each.run_id, each.group_ids)
    }
    plans = store.plans(run_states)
    scored = {run_states[run_id].key: plan.scored_targets for run_id, plan in plans.items()}
    learners = _learners(store, run_states, scored)
    lines = [
        line
        for run_id, plan in plans.items()
        for line in timeline.lines_of_run(learners[run_id], plan, interval, store.now)
    ]
    for catch_up in store.catch_ups_due(
        interval.learner_id, interval.from_time, interval.until_time
    ):
        plan = plans.get(catch_up.run_id)
        if plan is not None:
            zone = interval.zone or plan.run.zone
            lines.append(timeline.localized(timeline.line_of_catch_up(catch_up, plan), zone))
    return Timeline(timeline.by_time(lines))


def plan_of(store: ProgressStore, run_id: str) -> Plan:
    """Return the plan of a run. Raises NotFound."""
    plan = store.plans([run_id]).get(run_id)
    if plan is None:
        raise NotFound(f"run {run_id!r} is not known")
    return plan


def _learners(
    store: ProgressStore,
    run_states: Mapping[str, LearnerRunState],
    targets: Mapping[Key, Collection[str]],
) -> dict[str, Learner]:
    """Return one learner in several runs, by run, with the evidence on some targets."""
    evidence = store.evidence(targets)
    return {
        run_id: Learner(one, {each.target: each for each in evidence.get(one.key, ())}, {})
        for run_id, one in run_states.items()
    }


def _learner(store: ProgressStore, run_state: LearnerRunState) -> Learner:
    evidence = store.evidence({run_state.key: None}).get(run_state.key, ())
    return Learner(run_state, {each.target: each for each in evidence}, {})
