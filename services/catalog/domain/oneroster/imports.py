"""An import: its options, its states, and when it needs a confirmation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import FieldViolation
from services.catalog.domain.enrolments import offer_violations
from services.catalog.domain.enums import AttendanceMode, DeliveryMode
from services.catalog.domain.oneroster.facts import ClassFacts, Subject
from services.catalog.domain.oneroster.files import File, quoted
from services.catalog.domain.oneroster.rows import ImportRow, Result

DEFAULT_SHARE = 0.1
# A small source may lose as many rows of a file without a question.
FEW = 10
PART = 2**20
"""The most bytes of one part of an upload."""


class ImportState(StrEnum):
    """Where an import is."""

    UPLOADING = "UPLOADING"
    CHECKING = "CHECKING"
    CHECKED = "CHECKED"
    """The end of a dry run."""
    NEEDS_CONFIRMATION = "NEEDS_CONFIRMATION"
    APPLYING = "APPLYING"
    DONE = "DONE"
    FAILED = "FAILED"


AT_WORK = (ImportState.CHECKING, ImportState.APPLYING)


class Sections(StrEnum):
    """What a class becomes: a run, or a group of the run of its course and term."""

    RUNS = "RUNS"
    GROUPS = "GROUPS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is read, and what the source does not say of new people, runs and enrolments."""

    sections: Sections = Sections.RUNS
    subject: Subject = Subject.SOURCED_ID
    delivery_mode: DeliveryMode = DeliveryMode.BLENDED
    zone: str = "UTC"
    language: str = "en"
    mode: AttendanceMode = AttendanceMode.CLASSROOM
    removal_share: float = DEFAULT_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenOptions:
    """The options as they were given: None and an empty text mean the default."""

    sections: Sections | None
    subject: Subject | None
    delivery_mode: DeliveryMode | None
    zone: str
    language: str
    mode: AttendanceMode | None
    removal_share: float | None


def with_defaults(chosen: ChosenOptions | None) -> ImportOptions:
    """Return the options, with defaults for those that are not given."""
    if chosen is None:
        return ImportOptions()
    values = {each.name: getattr(chosen, each.name) for each in fields(chosen)}
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return ImportOptions(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """How many rows of a file have each result, and how many rows the source had before."""

    file: str
    had: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    linked: int = 0
    refused: int = 0
    noted: int = 0

    def before(self, had: int) -> "FileCounts":
        """Return the counts of a file of which the source had so many rows."""
        return replace(self, had=had)

    def adding(self, result: Result, count: int = 1) -> "FileCounts":
        """Return the counts with so many more rows of a result."""
        name = result.lower()
        return replace(self, **{name: getattr(self, name) + count})


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import of one file."""

    id: str
    source: str
    size: int
    """Bytes of the file."""
    sha256: str
    dry_run: bool
    options: ImportOptions
    state: ImportState
    created_by: str
    created_at: datetime
    received: int = 0
    """Bytes that were uploaded, from the first on."""
    reason: str = ""
    """FAILED: why; NEEDS_CONFIRMATION: what would be removed."""
    read: int = 0
    """Rows that were checked."""
    to_do: int = 0
    """Rows that change something."""
    done: int = 0
    """Those of them that were applied, or refused."""
    counts: tuple[FileCounts, ...] = ()
    confirmed: tuple[FileCounts, ...] = ()
    """What was told when the removals were confirmed; they may not grow since."""
    plan: str = ""
    """Names the rows of the last complete check."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImport:
    """Announce a file for import."""

    source: str
    size: int
    sha256: str
    dry_run: bool
    options: ChosenOptions | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendImport:
    """Upload one part of an announced file."""

    import_id: str
    offset: int
    data: bytes


def start_violations(command: StartImport, most: int) -> Iterator[FieldViolation]:
    """Yield the violations of an announcement; `most`: the bytes that a file may have."""
    if command.size > most:
        yield FieldViolation("size", f"is {command.size} bytes", f"at most {most}")
    options = with_defaults(command.options)
    yield from offer_violations(options.delivery_mode, options.mode)


def append_violations(begun: Import, command: AppendImport) -> Iterator[FieldViolation]:
    """Yield the violations of a part that is not one of the file, or does not come next."""
    end = command.offset + len(command.data)
    if command.offset % PART or (len(command.data) != PART and end != begun.size):
        yield FieldViolation("data", f"is bytes {command.offset} to {end}", _PARTS)
    elif command.offset > begun.received:
        right = f"{begun.received}: the parts one after the other"
        yield FieldViolation("offset", f"is {command.offset}", right)


_PARTS = f"{PART} bytes from a multiple of that on, and in the last part what is left"


def class_violations(
    facts: ClassFacts, before: ClassFacts, sections: Sections
) -> Iterator[FieldViolation]:
    """Yield a violation for a class that moves where it can't: its run is of one course, and its
    group of one run.
    """
    if facts.course != before.course:
        wrong = f"is {quoted(facts.course)}, and was {quoted(before.course)}"
        yield FieldViolation("courseSourcedId", wrong, "the course of before, or a new class")
    elif sections is Sections.GROUPS and facts.run_key != before.run_key:
        wrong = f"is {quoted(','.join(facts.terms))}, and was {quoted(','.join(before.terms))}"
        yield FieldViolation("termSourcedIds", wrong, "the terms of before, or a new class")


def counted(counts: Mapping[str, FileCounts], rows: Iterable[ImportRow]) -> dict[str, FileCounts]:
    """Return counts by file with more rows."""
    found = dict(counts)
    for row in rows:
        before = found.get(row.file) or FileCounts(file=row.file)
        found[row.file] = before.adding(row.result)
    return found


def recounted(
    counts: Iterable[FileCounts], before: Iterable[ImportRow], after: Iterable[ImportRow]
) -> tuple[FileCounts, ...]:
    """Return counts after some rows got other results."""
    found = {each.file: each for each in counts}
    for was, now in zip(before, after, strict=True):
        if was.result is not now.result:
            found[was.file] = found[was.file].adding(was.result, -1).adding(now.result)
    return tuple(found.values())


def large_removals(
    counts: Iterable[FileCounts], share: float, confirmed: Iterable[FileCounts]
) -> list[str]:
    """Return, for each file that would lose more than a share of what it had, what it would lose.

    What was confirmed is left out, if it is not more now.
    """
    agreed = {each.file: each.removed for each in confirmed}
    return [
        f"{each.file}: {each.removed} of {each.had} rows"
        for each in counts
        if each.file in _REMOVING
        and each.removed > max(FEW, share * each.had)
        and each.removed > agreed.get(each.file, 0)
    ]


# Without the files whose rows are only referred to.
_REMOVING = {file.csv for file in (File.USERS, File.COURSES, File.CLASSES, File.ENROLLMENTS)}
