"""The files of a OneRoster archive, their columns, and what a field may hold.

The binding, section 3, has a table of columns for each file. Columns that Tandem does not use are
named so that they are not reported as unknown, and are not checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.errors import FieldViolation

# Longer than any text of a roster: an id is a GUID of up to 255 characters, a title has 300.
LONGEST = 1_000
LONGEST_ID = 255
# Characters of a value in a violation.
_SHOWN = 40


class File(StrEnum):
    """A data file that is read; its value is its name without `.csv`."""

    ORGS = "orgs"
    SESSIONS = "academicSessions"
    ROLES = "roles"
    USERS = "users"
    COURSES = "courses"
    CLASSES = "classes"
    ENROLLMENTS = "enrollments"

    @property
    def csv(self) -> str:
        """Return its name in the archive."""
        return f"{self.value}.csv"


class Mode(StrEnum):
    """What a manifest says of a file: all there is (bulk), or what changed (delta)."""

    ABSENT = "absent"
    BULK = "bulk"
    DELTA = "delta"


Form = Callable[[str], str]
"""Returns what a value should be instead; empty if it is right."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. An empty field of one that is not required is right."""

    name: str
    required: bool = False
    form: Form | None = None
    longest: int = LONGEST


def one_of(*words: str) -> Form:
    """Return the form of one of some words, in lower or upper case."""
    known, right = {word.lower() for word in words}, f"one of {', '.join(words)}"
    return lambda value: "" if value.lower() in known else right


def is_day(value: str) -> str:
    """Check for a date (ISO 8601, YYYY-MM-DD)."""
    try:
        right = date.fromisoformat(value).isoformat() == value
    except ValueError:
        right = False
    return "" if right else "a date as YYYY-MM-DD"


def identifier(name: str, required: bool = True) -> Column:
    """Return a column with the sourcedId of something."""
    return Column(name, required, longest=LONGEST_ID)


def optional(names: str) -> tuple[Column, ...]:
    """Return columns that Tandem does not use."""
    return tuple(map(Column, names.split()))


STATUS = one_of("active", "tobedeleted", "inactive")
HEAD = (identifier("sourcedId"), Column("status", form=STATUS), Column("dateLastModified"))
COLUMNS: Mapping[File, tuple[Column, ...]] = {
    File.ORGS: (
        *HEAD,
        Column("name", required=True),
        *optional("type identifier parentSourcedId"),
    ),
    File.SESSIONS: (
        *HEAD,
        Column("title", required=True, longest=64),
        Column("type", form=one_of("gradingPeriod", "semester", "schoolYear", "term")),
        Column("startDate", required=True, form=is_day),
        Column("endDate", required=True, form=is_day),
        *optional("parentSourcedId schoolYear"),
    ),
    File.ROLES: (
        *HEAD,
        identifier("userSourcedId"),
        Column("roleType", form=one_of("primary", "secondary")),
        Column("role", required=True),
        *optional("beginDate endDate orgSourcedId userProfileSourcedId"),
    ),
    File.USERS: (
        *HEAD,
        Column("enabledUser", form=one_of("true", "false")),
        Column("username"),
        Column("givenName", required=True, longest=200),
        Column("familyName", longest=200),
        Column("identifier"),
        Column("email", longest=254),
        Column("userMasterIdentifier"),
        *optional(
            "userIds middleName sms phone agentSourcedIds grades password resourceSourcedIds"
            " preferredGivenName preferredMiddleName preferredFamilyName primaryOrgSourcedId"
            " pronouns"
        ),
    ),
    File.COURSES: (
        *HEAD,
        Column("title", required=True, longest=300),
        Column("courseCode", longest=64),
        identifier("orgSourcedId", required=False),
        *optional("schoolYearSourcedId grades subjects subjectCodes"),
    ),
    File.CLASSES: (
        *HEAD,
        Column("title", required=True, longest=300),
        identifier("courseSourcedId"),
        identifier("schoolSourcedId", required=False),
        Column("termSourcedIds", required=True),
        *optional("grades classCode classType location subjects subjectCodes periods"),
    ),
    File.ENROLLMENTS: (
        *HEAD,
        identifier("classSourcedId"),
        identifier("userSourcedId"),
        Column("role", required=True),
        *optional("schoolSourcedId primary beginDate endDate"),
    ),
}
# Extensions of the binding (section 2); nobody needs a report of them.
EXTENSION = "metadata."
# Controls (NUL, tab, line breaks), and what stands for bytes that no encoding explains.
_UNFIT = re.compile("[\\x00-\\x1f\\x7f\\ufffd]")


def quoted(value: str) -> str:
    """Return a value as a violation shows it: short, and safe to print."""
    return ascii(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")


def header_violations(file: File, names: list[str]) -> Iterator[FieldViolation]:
    """Yield a violation for each required column that a header lacks, or that it has twice."""
    for column in COLUMNS[file]:
        if column.required and column.name not in names:
            yield FieldViolation(column.name, "is not in the header", "this column")
        if names.count(column.name) > 1:
            yield FieldViolation(column.name, "is in the header twice", "each column once")


def unknown_columns(file: File, names: list[str]) -> list[str]:
    """Return the columns of a header that the binding does not have, without extensions."""
    known = {column.name for column in COLUMNS[file]}
    return [name for name in names if name not in known and not name.startswith(EXTENSION)]


def canonical(file: File, name: str) -> str:
    """Return a column's name as the binding writes it, if it differs in case or white space."""
    known = {column.name.lower(): column.name for column in COLUMNS[file]}
    return known.get(name.strip().lower(), name.strip())


def row_violations(
    file: File, values: Mapping[str, str], only_id: bool = False
) -> Iterator[FieldViolation]:
    """Yield what is wrong with the fields of a row, each by itself; `only_id`: of its sourcedId."""
    for column in COLUMNS[file][: 1 if only_id else None]:
        value = values.get(column.name, "")
        if not value:
            if column.required:
                yield FieldViolation(column.name, "is empty", "a value")
        elif len(value) > column.longest:
            wrong = f"has {len(value)} characters"
            yield FieldViolation(column.name, wrong, f"at most {column.longest}")
        elif found := _UNFIT.search(value):
            wrong = f"has the character {found[0]!a}"
            yield FieldViolation(column.name, wrong, "visible characters only")
        elif column.form and (right := column.form(value)):
            yield FieldViolation(column.name, f"is {quoted(value)}", right)
