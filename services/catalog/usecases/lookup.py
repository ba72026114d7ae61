"""Look-ups that raise NotFound."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from chassis.errors import NotFound
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.path import Activity
from services.catalog.domain.people import Person
from services.catalog.domain.runs import Course, Run
from services.catalog.ports import Store

# Longer than MongoDB lets a transaction live (transactionLifetimeLimitSeconds, 60).
RECOUNT = timedelta(minutes=2)


def get_person(store: Store, person_id: str) -> Person:
    """Return a person, also one who left. Raises NotFound."""
    person = store.people([person_id]).get(person_id)
    if person is None:
        raise NotFound(f"there is no person {person_id!r}")
    return person


def get_course(store: Store, course_id: str) -> Course:
    """Return a course. Raises NotFound."""
    course = store.course(course_id)
    if course is None:
        raise NotFound(f"there is no course {course_id!r}")
    return course


def lock_course(store: Store, course_id: str) -> Course:
    """Return a course, locked against other units of work. Raises NotFound."""
    store.contends_for("course", course_id)
    return get_course(store, course_id)


def get_run(store: Store, run_id: str) -> Run:
    """Return a run. Raises NotFound."""
    return _or_not_found(store.run(run_id), run_id)


def lock_run(store: Store, run_id: str) -> Run:
    """Return a run, locked against other units of work. Raises NotFound."""
    return _or_not_found(store.run_for_update(run_id), run_id)


def lock_run_if_limited(store: Store, run_id: str) -> Run:
    """Return a run, locked if its places are limited. Raises NotFound."""
    run = get_run(store, run_id)
    return _recounted_if_new(store, lock_run(store, run_id)) if run.is_limited else run


def lock_runs_if_limited(store: Store, run_ids: Iterable[str]) -> dict[str, Run]:
    """Return runs by id, each locked if its places are limited; unknown ones are left out."""
    runs = store.runs(run_ids)
    limited = sorted(run.id for run in runs.values() if run.is_limited)
    return runs | {run_id: lock_run_if_limited(store, run_id) for run_id in limited}


def _recounted_if_new(store: Store, run: Run) -> Run:
    """Return the run with its learners counted, if it got its limit a short time ago: enrolments
    that were under way then did not change its counter.
    """
    if run.limited_at is None or store.now >= run.limited_at + RECOUNT:
        return run
    return recounted(store, run)


def recounted(store: Store, run: Run) -> Run:
    """Return the run with its counters as its enrolments are."""
    enrolled, waitlisted = store.count_learners(run.id)
    return replace(run, enrolled=enrolled, waitlisted=waitlisted)


def _or_not_found(run: Run | None, run_id: str) -> Run:
    if run is None:
        raise NotFound(f"there is no run {run_id!r}")
    return run


def contend_for_enrolment(store: Store, run_id: str, learner_id: str) -> None:
    """Lock a learner's enrolment against other units of work."""
    store.contends_for("enrolment", f"{run_id}:{learner_id}")


def lock_enrolment(store: Store, run_id: str, learner_id: str) -> Enrolment:
    """Return the locked enrolment of a learner who is in a run or on its waiting list. Raises
    NotFound.
    """
    contend_for_enrolment(store, run_id, learner_id)
    return get_enrolment(store, run_id, learner_id)


def get_enrolment(store: Store, run_id: str, learner_id: str) -> Enrolment:
    """Return the enrolment of a learner who is in a run or on its waiting list. Raises NotFound."""
    enrolment = store.enrolments(run_id, [learner_id]).get(learner_id)
    if enrolment is None or not enrolment.is_in:
        raise NotFound(f"{learner_id!r} is not in run {run_id!r}")
    return enrolment


def get_activities(store: Store, run: Run) -> dict[str, Activity]:
    """Return the activities of the present path, by id; none if there is no path."""
    path = store.path(run.id, run.path_version)
    return {activity.id: activity for activity in path.activities} if path else {}


def get_activity(activities: Mapping[str, Activity], run: Run, activity_id: str) -> Activity:
    """Return one of a run's activities. Raises NotFound."""
    activity = activities.get(activity_id)
    if activity is None:
        raise NotFound(f"{activity_id!r} is not in the path of run {run.id!r}")
    return activity
