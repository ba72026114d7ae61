"""Courses, and the paths of runs."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from chassis.errors import AlreadyExists, check, check_state
from chassis.texts import normal
from services.catalog.domain.enrolments import closed_violations
from services.catalog.domain.events import PathPublished
from services.catalog.domain.path import Activity, Path, path_violations, size_violations
from services.catalog.domain.runs import Course, code_violations
from services.catalog.ports import Store
from services.catalog.usecases.lookup import lock_run


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
    """Create a course, and return it. Its code is stored in the normal form.

    Raises Invalid for a code with hidden characters; AlreadyExists if the code is used, also in
    another case or form.
    """
    code = normal(command.code)
    check(code_violations(code))
    if (other := store.course_of_code(code)) is not None:
        raise AlreadyExists(f"there is a course with the code {other.code!r}")
    course = Course(
        id=store.new_id(),
        code=code,
        title=command.title,
        description=command.description,
        created_at=store.now,
    )
    store.add_course(course)
    return course


def publish_path(
    store: Store, command: PublishPath, known_items: Collection[str], publisher: str
) -> Path:
    """Publish the next version of a run's path, and return it. Raises Invalid with every
    violation; NotFound if there is no such run; FailedPrecondition if it is closed.
    """
    run = lock_run(store, command.run_id)
    check_state("no path can be published", closed_violations(run))
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
