"""Rows of an import: what the source had, what is to be done, and what became of it."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster.facts import Facts
from services.catalog.domain.oneroster.files import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An external id: a row that a source gave, and what it is here."""

    source: str
    file: File
    sourced_id: str
    facts: Facts
    of: str = ""
    """The id of what it is here; empty for a row that is only referred to."""
    owned: bool = False
    """Whether the source brought it. What is here by hand, or by another source, is not changed."""
    removed: bool = False
    """Whether the source took the row back. It may give it again."""
    parent: str = ""
    """What it belongs to: the user of a role, the run of an enrolment or a group."""

    @property
    def id(self) -> str:
        """Return its id; a source has no slash, and a file's name neither."""
        return link_id(self.source, self.file, self.sourced_id)

    def taken(self) -> "Link":
        """Return it as taken back."""
        return replace(self, removed=True)


def link_id(source: str, file: File, sourced_id: str) -> str:
    """Return the id of an external id."""
    return f"{source}/{file}/{sourced_id}"


# Of a row: a chunk of rows is one document.
MOST_TOLD = 20


class Result(StrEnum):
    """What is to become of a row, or became of it."""

    ADDED = "ADDED"
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    UNCHANGED = "UNCHANGED"
    LINKED = "LINKED"
    """It exists by hand or by another source: the row may be referred to, and changes nothing."""
    REFUSED = "REFUSED"
    NOTED = "NOTED"
    """Something about a file that harms no row."""


TO_DO = frozenset({Result.ADDED, Result.CHANGED, Result.REMOVED, Result.LINKED})


class Step(StrEnum):
    """A part of an import, in the order of `ORDER`."""

    REFERENCES = "REFERENCES"
    PEOPLE = "PEOPLE"
    COURSES = "COURSES"
    CLASSES = "CLASSES"
    ENROLMENTS = "ENROLMENTS"
    STAFF = "STAFF"
    REMOVE_ENROLMENTS = "REMOVE_ENROLMENTS"
    REMOVE_CLASSES = "REMOVE_CLASSES"
    REMOVE_COURSES = "REMOVE_COURSES"
    REMOVE_PEOPLE = "REMOVE_PEOPLE"
    REPORT = "REPORT"
    """Rows for which nothing is to be done."""


ORDER = tuple(Step)
# The rows of one transaction, which should take about a second at most.
ROWS_AT_ONCE = {
    Step.REPORT: 1_000,
    Step.REFERENCES: 1_000,
    Step.PEOPLE: 500,
    Step.COURSES: 100,
    Step.CLASSES: 100,
    Step.ENROLMENTS: 500,
    Step.STAFF: 200,
    Step.REMOVE_ENROLMENTS: 100,
    Step.REMOVE_CLASSES: 50,
    Step.REMOVE_COURSES: 100,
    Step.REMOVE_PEOPLE: 20,
}
_ADDING = {
    File.ORGS: Step.REFERENCES,
    File.SESSIONS: Step.REFERENCES,
    File.ROLES: Step.REFERENCES,
    File.USERS: Step.PEOPLE,
    File.COURSES: Step.COURSES,
    File.CLASSES: Step.CLASSES,
    File.ENROLLMENTS: Step.ENROLMENTS,
}
_REMOVING = {
    File.ORGS: Step.REFERENCES,
    File.SESSIONS: Step.REFERENCES,
    File.ROLES: Step.REFERENCES,
    File.USERS: Step.REMOVE_PEOPLE,
    File.COURSES: Step.REMOVE_COURSES,
    File.CLASSES: Step.REMOVE_CLASSES,
    File.ENROLLMENTS: Step.REMOVE_ENROLMENTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One row of an import. `line` is that of the file, from 1; 0 if the file has no such row."""

    file: str
    """The file's name in the archive, such as users.csv."""
    line: int = 0
    sourced_id: str = ""
    result: Result
    violations: tuple[FieldViolation, ...] = ()
    facts: Facts | None = None

    def refused(self, violations: Iterable[FieldViolation]) -> "ImportRow":
        """Return the row as refused; the first of very many violations tell enough."""
        told = tuple(itertools.islice(violations, MOST_TOLD))
        return replace(self, result=Result.REFUSED, violations=told)

    def became(self, result: Result) -> "ImportRow":
        """Return the row with another result."""
        return self if result is self.result else replace(self, result=result)


def compared(row: ImportRow, link: Link | None) -> ImportRow:
    """Return a row that is added or changed, with what it changes of what the source had."""
    if link is None or link.removed:
        return row.became(Result.ADDED)
    return row.became(Result.UNCHANGED if link.facts == row.facts else Result.CHANGED)


def taken_back(row: ImportRow, link: Link | None) -> ImportRow:
    """Return a row that the source takes back; what it never gave is not removed."""
    if link is None or link.removed:
        return row.became(Result.UNCHANGED)
    return replace(row, result=Result.REMOVED, facts=link.facts)


def step_of(file: File, row: ImportRow, is_staff: bool = False) -> Step:
    """Return the part of the import that does a row of a file."""
    if row.result not in TO_DO:
        return Step.REPORT
    if row.result is Result.REMOVED:
        return _REMOVING[file]
    return Step.STAFF if is_staff else _ADDING[file]
