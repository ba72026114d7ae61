"""Courses, runs, and the paths of runs."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from chassis.errors import AlreadyExists, FailedPrecondition, check
from services.catalog.domain.enums import Role
from services.catalog.domain.events import PathPublished, RunOpened
from services.catalog.domain.path import Activity, Path, path_violations, size_violations
from services.catalog.domain.runs import (
    Course,
    OpenRun,
    Run,
    open_violations,
    unknown_instructors,
    with_defaults,
)
from services.catalog.ports import Store
from services.catalog.usecases.lookup import get_course, lock_run


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCourse:
    """Create a course."""

    code: str
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPath:
    """Publish the next version of a run's path."""

    run_id: str
    activities: tuple[Activity, ...]
    size: int
    """The size of the activities as JSON, in bytes."""


def create_course(store: Store, command: CreateCourse) -> Course:
    """Create a course, and return it. Raises AlreadyExists if its code is used."""
    if store.course_of_code(command.code):
        raise AlreadyExists(f"there is a course with the code {command.code!r}")
    course = Course(
        id=store.new_id(),
        code=command.code,
        title=command.title,
        description=command.description,
        created_at=store.now,
    )
    store.add_course(course)
    return course


def open_run(store: Store, command: OpenRun) -> Run:
    """Open a run, and return it. Raises Invalid; NotFound if there is no such course;
    FailedPrecondition if an instructor is not in the roster.
    """
    check(open_violations(command))
    course = get_course(store, command.course_id)
    _check_instructors(store, command)
    run = Run(
        id=store.new_id(),
        course_id=course.id,
        term=command.term,
        title=command.title or course.title,
        delivery_mode=command.delivery_mode,
        zone=command.zone,
        start_date=command.start_date,
        end_date=command.end_date,
        capacity=command.capacity,
        instructor_ids=command.instructor_ids,
        policy=with_defaults(command.policy),
    )
    store.put_run(run)
    store.record_event(_opened(run, course))
    return run


def publish_path(
    store: Store, command: PublishPath, known_items: Collection[str], publisher: str
) -> Path:
    """Publish the next version of a run's path, and return it. Raises Invalid with every
    violation; NotFound if there is no such run.
    """
    run = lock_run(store, command.run_id)
    check([*size_violations(command.size), *path_violations(command.activities, run, known_items)])
    path = Path(
        run_id=run.id,
        version=run.path_version + 1,
        activities=command.activities,
        published_at=store.now,
        published_by=publisher,
    )
    store.put_run(replace(run, path_version=path.version))
    store.add_path(path)
    store.record_event(
        PathPublished(
            run_id=run.id,
            version=path.version,
            activities=path.activities,
            published_at=path.published_at,
        )
    )
    return path


def _check_instructors(store: Store, command: OpenRun) -> None:
    people = store.people(command.instructor_ids).values()
    known = {person.id for person in people if Role.INSTRUCTOR in person.roles}
    unknown = list(unknown_instructors(command, known))
    if unknown:
        raise FailedPrecondition("instructors are not in the roster", unknown)


def _opened(run: Run, course: Course) -> RunOpened:
    return RunOpened(
        run_id=run.id,
        course_id=course.id,
        course_code=course.code,
        title=run.title,
        term=run.term,
        delivery_mode=run.delivery_mode,
        zone=run.zone,
        start_date=run.start_date,
        end_date=run.end_date,
        instructor_ids=run.instructor_ids,
        policy=run.policy,
    )
