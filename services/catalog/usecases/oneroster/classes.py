"""Classes of a source: each a run, or a group of the run of its course and term."""

from collections.abc import Callable

from chassis.errors import DomainError, FailedPrecondition, FieldViolation
from services.catalog.domain.enums import EnrolmentPolicy, RunState
from services.catalog.domain.groups import CreateGroup, Group, UpdateGroup
from services.catalog.domain.oneroster.facts import ClassFacts
from services.catalog.domain.oneroster.files import File, quoted
from services.catalog.domain.oneroster.imports import Sections
from services.catalog.domain.oneroster.rows import ImportRow, Link
from services.catalog.domain.runs import EnrolmentRules, OpenRun, Run, UpdateRun
from services.catalog.usecases import groups, runs
from services.catalog.usecases.lookup import get_run
from services.catalog.usecases.oneroster.work import Work, facts_of, is_last

# Who is in a class is what the source says; the registrar may enrol others by hand.
RULES = EnrolmentRules(policy=EnrolmentPolicy.BY_REGISTRAR)
Add = Callable[[Work, ImportRow, str], tuple[str, bool]]
"""Adds or changes a class of a course; returns the id of what it is here, and if it is ours."""


def add_classes(work: Work) -> None:
    """Open and change runs, or create and change groups."""
    of_groups = work.options.sections is Sections.GROUPS
    add: Add = _add_group if of_groups else _add_run
    courses = work.linked(File.COURSES, (facts_of(row, ClassFacts).course for row in work.rows))
    for row in work.rows:
        facts = facts_of(row, ClassFacts)
        try:
            of, owned = add(work, row, _course_id(courses.get(facts.course), facts))
        except DomainError as error:
            work.refuse(row, error)
        else:
            work.done(row, of, owned, parent=facts.run_key if of_groups else "")
            work.write()  # the next class may be of the same run


def _course_id(link: Link | None, facts: ClassFacts) -> str:
    if link is None or link.removed:
        wrong = f"{quoted(facts.course)} was refused"
        violation = FieldViolation("courseSourcedId", wrong, "a course that was imported")
        raise FailedPrecondition("there is no course", [violation])
    return link.of


# As runs


def _add_run(work: Work, row: ImportRow, course_id: str) -> tuple[str, bool]:
    link = work.links.get(row.sourced_id)
    if link is None:
        return _open(work, facts_of(row, ClassFacts), course_id, row).id, True
    _reopen_if_taken_back(work, link.of, link.removed)
    facts = facts_of(row, ClassFacts)
    return _update(work, facts, facts.title, link.of), True


def _open(work: Work, facts: ClassFacts, course_id: str, row: ImportRow | None) -> Run:
    """Open the run of a class; or of a course and term, with the course's title."""
    command = OpenRun(
        course_id=course_id,
        term=facts.term,
        title=facts.title if row else "",
        delivery_mode=work.options.delivery_mode,
        zone=work.options.zone,
        start_date=facts.start_date,
        end_date=facts.end_date,
        capacity=0,
        instructor_ids=(),
        policy=None,
        enrolment=RULES,
    )
    return runs.open_run(work.store, command)


def _update(work: Work, facts: ClassFacts, title: str, run_id: str) -> str:
    """Give a run the days of a class, and a title; an empty one leaves it as it is."""
    command = UpdateRun(
        run_id=run_id,
        title=title,
        start_date=facts.start_date,
        end_date=facts.end_date,
        capacity=None,
        policy=None,
        enrolment=None,
    )
    return runs.update_run(work.store, command).id


def _reopen_if_taken_back(work: Work, run_id: str, taken_back: bool) -> None:
    """Reopen a run that the source closed by taking it back; one closed by hand stays closed."""
    if taken_back and get_run(work.store, run_id).state is RunState.CLOSED:
        runs.reopen_run(work.store, run_id)


# As groups


def _add_group(work: Work, row: ImportRow, course_id: str) -> tuple[str, bool]:
    facts, link = facts_of(row, ClassFacts), work.links.get(row.sourced_id)
    if link is not None and link.owned:
        return _change_group(work, facts, link), True
    run_id = _run_of(work, facts, course_id)
    twin = work.store.group_named(run_id, facts.title)
    if twin is None:
        command = CreateGroup(run_id=run_id, name=facts.title)
        return groups.create_group(work.store, command).id, True
    return twin.id, _takes_over(work, twin)


def _change_group(work: Work, facts: ClassFacts, link: Link) -> str:
    group = work.store.group(link.of)
    assert group is not None
    _reopen_if_taken_back(work, group.run_id, link.removed)
    change = UpdateGroup(run_id=group.run_id, group_id=group.id, name=facts.title)
    groups.update_group(work.store, change)
    _update(work, facts, "", group.run_id)
    return groups.use_group_again(work.store, group.run_id, group.id).id


def _run_of(work: Work, facts: ClassFacts, course_id: str) -> str:
    """Return the run of a course and term: that of an earlier class, or a new one."""
    siblings = work.store.links_within(
        work.begun.source, File.CLASSES, [facts.run_key], removed=True
    )
    found = work.store.groups(link.of for link in siblings)
    if not found:
        return _open(work, facts, course_id, None).id
    run_id = min(found.values(), key=lambda group: group.id).run_id
    _reopen_if_taken_back(work, run_id, all(link.removed for link in siblings))
    return run_id


def _takes_over(work: Work, twin: Group) -> bool:
    """Return whether a group of the same name is ours: of a class that was taken back. Raises
    FailedPrecondition if it is that of another class.
    """
    named = [
        link
        for link in work.store.links_to(File.CLASSES, [twin.id])
        if link.source == work.begun.source and link.owned
    ]
    if alive := [link.sourced_id for link in named if not link.removed]:
        wrong = f"is also that of class {quoted(alive[0])} of the same course and term"
        violation = FieldViolation("title", wrong, "another title")
        raise FailedPrecondition("the group's name is taken", [violation])
    if named:
        groups.use_group_again(work.store, twin.run_id, twin.id)
    return bool(named)


# Taken back


def remove_classes(work: Work) -> None:
    """Close runs, or retire groups, and the run of the last one with it."""
    for row in work.rows:
        link = work.links[row.sourced_id]
        last = link.owned and is_last(work.store, link)
        work.removed(row)
        work.write()
        if last:
            _end(work, link)


def _end(work: Work, link: Link) -> None:
    group = work.store.group(link.of) if link.parent else None
    if group is None:
        runs.close_run(work.store, link.of)
        return
    groups.retire_group(work.store, group.run_id, group.id)
    if not work.store.links_within(work.begun.source, File.CLASSES, [link.parent]):
        runs.close_run(work.store, group.run_id)
