"""Advice on the delivery of runs, and the draft paths of advice that was accepted."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.catalog.domain.advice import (
    Advice,
    AdviseDelivery,
    Facts,
    Override,
    advise,
    override_violations,
)
from services.catalog.domain.availability import Availability, TeachingTime, teaching_time
from services.catalog.domain.drafts import (
    AcceptAdvice,
    DraftPath,
    count_violations,
    digest_violations,
    drafted,
)
from services.catalog.domain.enrolments import closed_violations
from services.catalog.domain.enums import ActivityKind
from services.catalog.domain.path import Activity
from services.catalog.domain.runs import Run
from services.catalog.domain.weeks import Week, length_violations, week_of_activity, weeks_of
from services.catalog.ports import Store
from services.catalog.usecases.courses import next_activities, publishing_violations
from services.catalog.usecases.lookup import get_activities, get_course, get_run, lock_run


def advise_delivery(store: Store, command: AdviseDelivery, large_intake: int) -> Advice:
    """Return how a run is best delivered; nothing is stored. `large_intake`: the number of learners
    that makes a lecture a large one.

    Raises NotFound; Invalid for overrides that the run can't have; FailedPrecondition if it is too
    long.
    """
    run = get_run(store, command.run_id)
    return advise(_facts(store, run, command.overrides, large_intake))


def accept_advice(
    store: Store, command: AcceptAdvice, large_intake: int, accepted_by: str
) -> DraftPath:
    """Make a draft path of what is advised, and return it; the same again changes nothing.

    Raises as `advise_delivery`; FailedPrecondition if the run is closed, or if something else is
    advised than was read.
    """
    run = lock_run(store, command.run_id)
    check_state("no path can be drafted", closed_violations(run))
    advice = advise(_facts(store, run, command.overrides, large_intake))
    check_state("the advice has changed", digest_violations(advice, command.digest))
    before = store.draft_path(run.id)
    if before is not None and before.advice.digest == advice.digest:
        return before
    draft = DraftPath(
        run_id=run.id,
        activities=drafted([*get_activities(store, run).values()], advice, run),
        advice=advice,
        accepted_by=accepted_by,
        accepted_at=store.now,
    )
    store.put_draft_path(draft)
    return draft


def get_draft_path(store: Store, run_id: str) -> DraftPath:
    """Return the draft path of a run. Raises NotFound."""
    draft = store.draft_path(get_run(store, run_id).id)
    if draft is None:
        raise NotFound(f"run {run_id!r} has no draft path; AcceptAdvice makes one")
    return draft


def draft_faults(
    store: Store, draft: DraftPath, size: int, known_items: Collection[str]
) -> list[FieldViolation]:
    """Return everything for which PublishPath would refuse the draft's activities as they are.

    `size`: of the activities as JSON, in bytes; `known_items`: those of its items that the library
    has.
    """
    run = get_run(store, draft.run_id)
    activities = next_activities(store, run, draft.activities)
    return [
        *closed_violations(run),
        *count_violations(activities),
        *publishing_violations(store, run, activities, size, known_items),
    ]


def _facts(store: Store, run: Run, overrides: Sequence[Override], large_intake: int) -> Facts:
    check_state("no advice can be given", length_violations(run))
    weeks = weeks_of(run)
    check(override_violations(overrides, weeks, run.delivery_mode))
    wishes = store.wishes(run.id)
    return Facts(
        run_id=run.id,
        delivery_mode=run.delivery_mode,
        nature=get_course(store, run.course_id).nature,
        intake=run.capacity if run.is_limited else wishes.learners,
        large_intake=large_intake,
        wishes=wishes,
        weeks=weeks,
        teachers=len(run.instructor_ids),
        times=_times(run, weeks, store.replicas(Availability, run.instructor_ids)),
        checkpoints=_checkpoints(get_activities(store, run).values(), run),
        path_version=run.path_version,
        overrides=overrides,
    )


def _times(
    run: Run, weeks: Sequence[Week], known: Mapping[str, Availability]
) -> dict[int, TeachingTime]:
    """Return how long the teachers of a run can teach, by week; nothing if it names none, or one
    who always can, because nobody told otherwise.
    """
    if not run.instructor_ids or len(known) < len(run.instructor_ids):
        return {}
    return {
        week.number: sum(
            (teaching_time(each, week.days) for each in known.values()), start=TeachingTime()
        )
        for week in weeks
    }


def _checkpoints(activities: Collection[Activity], run: Run) -> dict[int, int]:
    """Return how many CHECKPOINTs that a learner must pass are due, by week."""
    due = (each for each in activities if each.kind is ActivityKind.CHECKPOINT)
    return dict(Counter(week_of_activity(each, run) for each in due if not each.optional))
