"""Applies the rows of one chunk, by the same use cases as the RPCs."""

from collections.abc import Callable, Mapping, Sequence

from chassis.errors import DomainError, FieldViolation
from services.catalog.domain.oneroster.facts import CourseFacts, RoleFacts, UserFacts
from services.catalog.domain.oneroster.files import File, quoted
from services.catalog.domain.oneroster.imports import Import
from services.catalog.domain.oneroster.people import person_of
from services.catalog.domain.oneroster.rows import ImportRow, Link, Result, Step
from services.catalog.domain.runs import Course
from services.catalog.ports import Store
from services.catalog.usecases import courses
from services.catalog.usecases.oneroster.classes import add_classes, remove_classes
from services.catalog.usecases.oneroster.enrolling import add_staff, add_students
from services.catalog.usecases.oneroster.leaving import remove_enrolments
from services.catalog.usecases.oneroster.work import Work, facts_of, is_last, unnamed
from services.catalog.usecases.people import retire_person, upsert_people


def apply_rows(
    store: Store, begun: Import, step: Step, rows: Sequence[ImportRow]
) -> list[ImportRow]:
    """Apply rows of one file, and return each with what became of it, in order."""
    work = Work(store, begun, File(rows[0].file.removesuffix(".csv")), rows)
    _STEPS[step](work)
    return work.results()


def note_references(work: Work) -> None:
    """Store rows that are only referred to."""
    for row in work.rows:
        if row.result is Result.REMOVED:
            work.removed(row)
        else:
            user = row.facts.user if isinstance(row.facts, RoleFacts) else ""
            work.done(row, of="", owned=True, parent=user)


# People


def add_people(work: Work) -> None:
    """Add and change people. Who is in the roster by hand is only linked."""
    facts = {row.sourced_id: facts_of(row, UserFacts) for row in work.rows}
    ids = {each.person_id for each in facts.values()}
    before, ours = work.store.people(ids), work.ours(File.USERS, ids)
    wanted = []
    for row in work.rows:
        person_id = facts[row.sourced_id].person_id
        if violations := _other_person(work.links.get(row.sourced_id), person_id, work):
            work.refuse(row, violations)
            continue
        if before.get(person_id) and before[person_id].erased_at:
            wrong = "names a person who was erased"
            refused = FieldViolation(work.options.subject.column, wrong, "a person who was not")
            work.refuse(row, [refused])
            continue
        owned = person_id not in before or person_id in ours
        work.done(row, person_id, owned)
        if owned:
            wanted.append(person_of(facts[row.sourced_id], before.get(person_id), work.options))
    upsert_people(work.store, wanted)


def _other_person(link: Link | None, person_id: str, work: Work) -> list[FieldViolation]:
    if link is None or link.removed or link.of == person_id:
        return []
    wrong = f"is {quoted(person_id)}, and the user is the person {quoted(link.of)}"
    return [FieldViolation(work.options.subject.column, wrong, "the same: ids of people stay")]


def remove_people(work: Work) -> None:
    """Retire people whom no source names any more; their enrolments are taken back with them."""
    for row in work.rows:
        work.removed(row)
    work.write()
    theirs = work.store.links_within(
        work.begun.source, File.ENROLLMENTS, [row.sourced_id for row in work.rows]
    )
    work.store.put_links([link.taken() for link in theirs])
    owned = [link for link in work.links.values() if link.owned]
    for person_id in unnamed(work.store, File.USERS, owned):
        retire_person(work.store, person_id)


# Courses


def add_courses(work: Work) -> None:
    """Create and change courses. A course that exists by hand is only linked."""
    for row in work.rows:
        try:
            course, owned = _course(work, row)
        except DomainError as error:
            work.refuse(row, error)
        else:
            work.done(row, course.id, owned)


def _course(work: Work, row: ImportRow) -> tuple[Course, bool]:
    facts, link = facts_of(row, CourseFacts), work.links.get(row.sourced_id)
    own = link.of if link and link.owned else ""
    found = None if own else work.store.course_of_code(facts.code)
    if found and not work.ours(File.COURSES, [found.id]):
        return found, False
    own = own or (found.id if found else "")
    if not own:
        new = courses.CreateCourse(code=facts.code, title=facts.title, description="")
        return courses.create_course(work.store, new), True
    change = courses.UpdateCourse(
        course_id=own, code=facts.code, title=facts.title, description=None
    )
    courses.update_course(work.store, change)  # first, because it may refuse the row
    return courses.offer_again(work.store, own), True


def remove_courses(work: Work) -> None:
    """Retire courses. One with a run that goes on is refused."""
    for row in work.rows:
        link = work.links[row.sourced_id]
        last = link.owned and is_last(work.store, link)
        runs = work.store.open_runs_of(link.of) if last else []
        if any(not run.is_over(work.store.now) for run in runs):
            wrong = "is absent or to be deleted, and a run of the course goes on"
            work.refuse(row, [FieldViolation("sourcedId", wrong, "its classes removed, too")])
            continue
        work.removed(row)
        work.write()
        if last:
            courses.retire_course(work.store, link.of)


_STEPS: Mapping[Step, Callable[[Work], None]] = {
    Step.REFERENCES: note_references,
    Step.PEOPLE: add_people,
    Step.COURSES: add_courses,
    Step.CLASSES: add_classes,
    Step.ENROLMENTS: add_students,
    Step.STAFF: add_staff,
    Step.REMOVE_ENROLMENTS: remove_enrolments,
    Step.REMOVE_CLASSES: remove_classes,
    Step.REMOVE_COURSES: remove_courses,
    Step.REMOVE_PEOPLE: remove_people,
}
