"""Courses, and the paths of runs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from chassis.errors import AlreadyExists, FieldViolation, check, check_state
from chassis.texts import normal
from services.catalog.domain.enrolments import closed_violations
from services.catalog.domain.enums import CourseNature
from services.catalog.domain.events import CourseUpdated, PathPublished
from services.catalog.domain.path import (
    ADDED_AT,
    Activity,
    Path,
    counts_weeks,
    path_violations,
    size_violations,
)
from services.catalog.domain.runs import Course, Run, code_violations
from services.catalog.domain.versions import kind_violations, with_added_at
from services.catalog.ports import Store
from services.catalog.usecases.lookup import lock_course, lock_run
from services.catalog.usecases.runs import tell_run


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCourse:
    """Create a course."""

    code: str
    title: str
    description: str
    nature: CourseNature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCourse:
    """Change a course; an empty text, and None, leave a field as it is."""

    course_id: str
    code: str
    title: str
    description: str | None
    nature: CourseNature | None = None


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
    course = Course(
        id=store.new_id(),
        code=normal(command.code),
        title=command.title,
        description=command.description,
        created_at=store.now,
        nature=command.nature,
    )
    _check_code(store, course)
    store.add_course(course)
    return course


def update_course(store: Store, command: UpdateCourse) -> Course:
    """Change a course, and return it; its runs keep their titles.

    Raises NotFound; Invalid and AlreadyExists as `create_course`.
    """
    before = lock_course(store, command.course_id)
    course = replace(
        before,
        code=normal(command.code) or before.code,
        title=command.title or before.title,
        description=before.description if command.description is None else command.description,
        nature=command.nature or before.nature,
    )
    if course == before:
        return before
    _check_code(store, course)
    return _put(store, course)


def retire_course(store: Store, course_id: str) -> Course:
    """Take a course out of the offer, and return it; a retired one stays as it is.

    Raises NotFound.
    """
    before = lock_course(store, course_id)
    if before.retired_at is not None:
        return before
    return _put(store, replace(before, retired_at=store.now))


def offer_again(store: Store, course_id: str) -> Course:
    """Take a retired course back into the offer, and return it; another one stays as it is.

    Raises NotFound.
    """
    before = lock_course(store, course_id)
    return before if before.retired_at is None else _put(store, replace(before, retired_at=None))


def _put(store: Store, course: Course) -> Course:
    store.put_course(course)
    store.record_event(
        CourseUpdated(
            course_id=course.id,
            code=course.code,
            title=course.title,
            retired_at=course.retired_at,
            updated_at=store.now,
            nature=course.nature,
        )
    )
    return course


def _check_code(store: Store, course: Course) -> None:
    check(code_violations(course.code))
    other = store.course_of_code(course.code)
    if other is not None and other.id != course.id:
        raise AlreadyExists(f"there is a course with the code {other.code!r}")


def next_activities(store: Store, run: Run, activities: Sequence[Activity]) -> tuple[Activity, ...]:
    """Return the activities of a run's next path, with when they were added."""
    return with_added_at(activities, store.path(run.id, run.path_version), store.now)


def publishing_violations(
    store: Store,
    run: Run,
    activities: Sequence[Activity],
    size: int,
    known_items: Collection[str],
) -> list[FieldViolation]:
    """Return every violation of activities that are to be a run's next path.

    `size`: of the activities as JSON, in bytes, without when they were added; `known_items`: those
    of their items that the library has.
    """
    added = sum(each.added_at is not None for each in activities)
    kinds = store.activity_kinds(run.id, {each.id for each in activities})
    return [
        *size_violations(size + added * ADDED_AT),
        *path_violations(activities, run, known_items),
        *kind_violations(activities, kinds),
    ]


def publish_path(
    store: Store, command: PublishPath, known_items: Collection[str], publisher: str
) -> Path:
    """Publish the next version of a run's path, and return it. Raises Invalid with every
    violation; NotFound if there is no such run; FailedPrecondition if it is closed.
    """
    run = lock_run(store, command.run_id)
    check_state("no path can be published", closed_violations(run))
    activities = next_activities(store, run, command.activities)
    check(publishing_violations(store, run, activities, command.size, known_items))
    path = Path(
        run_id=run.id,
        version=run.path_version + 1,
        activities=activities,
        published_at=store.now,
        published_by=publisher,
    )
    store.put_run(replace(run, path_version=path.version))
    store.add_path(path)
    if counts_weeks(activities):  # replicas of older versions lack the run's first day
        tell_run(store, run)
    store.record_event(published(path))
    return path


def published(path: Path) -> PathPublished:
    """Return the event that tells a path."""
    return PathPublished(
        run_id=path.run_id,
        version=path.version,
        activities=path.activities,
        published_at=path.published_at,
    )
