"""Compares an archive with what its source gave before, and plans what is to be done.

Nothing is written here. Rows are read in parts, so that a large archive takes memory for the ids
of its rows only.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from chassis.civil import end_of_day
from chassis.errors import FieldViolation
from chassis.texts import identity
from services.catalog.domain.enums import Role
from services.catalog.domain.oneroster.facts import (
    ClassFacts,
    CourseFacts,
    EnrollmentFacts,
    Facts,
    Reference,
    RoleFacts,
    TermFacts,
    UserFacts,
    facts_of,
    facts_violations,
    references,
    roles_of,
    roles_violations,
    with_terms,
)
from services.catalog.domain.oneroster.files import LONGEST_ID, File, Mode, quoted, row_violations
from services.catalog.domain.oneroster.imports import Import, class_violations
from services.catalog.domain.oneroster.rows import (
    TO_DO,
    ImportRow,
    Link,
    Result,
    Step,
    compared,
    step_of,
    taken_back,
)
from services.catalog.ports import Store
from services.catalog.usecases.oneroster.archive import Archive, RawRow, Unreadable
from services.catalog.usecases.oneroster.known import Known

T = TypeVar("T")

AT_ONCE = 1_000
# Each file after those that it refers to; the roles before their users, who have them.
READ_ORDER = (
    File.ORGS,
    File.SESSIONS,
    File.ROLES,
    File.USERS,
    File.COURSES,
    File.CLASSES,
    File.ENROLLMENTS,
)
Check = Callable[[UserFacts], Iterable[FieldViolation]]
"""What is wrong with a new person beyond what the file says, such as the mail address."""


class Planner:
    """Plans one import. `check` is told each person that is added or changed."""

    def __init__(self, store: Store, begun: Import, archive: Archive, check: Check) -> None:
        self._store, self._import, self._archive, self._check = store, begun, archive, check
        self._modes = dict(archive.manifest.modes)
        self._known = Known(store, begun.source)
        self._rows_of: dict[tuple[str, str], str] = {}
        self._over: dict[str, bool] = {}
        self._touched: dict[File, set[str]] = defaultdict(set)
        self._role_changes: dict[str, dict[str, RoleFacts | None]] = defaultdict(dict)

    def plan(self) -> Iterator[tuple[Step, ImportRow]]:
        """Yield every row of the import with the part that does it."""
        if self._modes[File.USERS] is not Mode.ABSENT:
            self._known.list_ids(File.USERS, self._ids(File.USERS))
        for file in READ_ORDER:
            self._known.begin(file)
            for row in self._rows(file):
                yield self._step(file, row), row
        for note in self._archive.notes:
            yield Step.REPORT, note

    def had(self, file: File) -> int:
        """Return how many rows of a file the source had before; those of classes that are over
        don't count.
        """
        return sum(1 for link in self._store.all_links(self._import.source, file)
                   if not self._is_over(file, link.sourced_id, link.facts))  # fmt: skip

    def _step(self, file: File, row: ImportRow) -> Step:
        is_staff = isinstance(row.facts, EnrollmentFacts) and not row.facts.is_student
        return step_of(file, row, is_staff)

    def _rows(self, file: File) -> Iterator[ImportRow]:
        if self._modes[file] is not Mode.ABSENT:
            try:
                for part in _parts(self._archive.rows(file), AT_ONCE):
                    yield from self._planned(file, part)
            except Unreadable as error:
                self._modes[file] = Mode.DELTA  # what was not read is not removed
                row = ImportRow(file=file.csv, line=1, result=Result.REFUSED)
                yield row.refused(error.violations)
        yield from self._again(file)
        if self._modes[file] is Mode.BULK:
            self._known.is_complete(file)
            yield from self._absent(file)

    def _ids(self, file: File) -> Iterator[str]:
        try:
            for raw in self._archive.rows(file):
                yield raw.values.get("sourcedId", "")
        except Unreadable:
            return

    # Rows of a file

    def _planned(self, file: File, part: Sequence[RawRow]) -> Iterator[ImportRow]:
        ids = [raw.values.get("sourcedId", "") for raw in part]
        links = self._known.links(file, ids)
        parsed = [self._parsed(file, raw) for raw in part]
        self._known.prefetch(each for _, _, refs in parsed for each in refs)
        resolved = self._resolved(file, [(row, refs) for row, _, refs in parsed])
        for (_, gone, _), row in zip(parsed, resolved, strict=True):
            link = links.get(row.sourced_id)
            yield self._noted(file, self._decided(row, gone, link), link)

    def _parsed(self, file: File, raw: RawRow) -> tuple[ImportRow, bool, tuple[Reference, ...]]:
        """Return a row with its facts or its violations, whether it is taken back, and what it
        refers to.
        """
        sourced_id = raw.values.get("sourcedId", "")
        row = ImportRow(
            file=file.csv,
            line=raw.line,
            sourced_id=sourced_id[:LONGEST_ID],
            result=Result.ADDED,
        )
        if raw.violations:
            return row.refused(raw.violations), False, ()
        if again := self._known.see(file, sourced_id, raw.line):
            return row.refused([again]), False, ()
        gone = raw.values.get("status", "").lower() == "tobedeleted"
        if violations := list(row_violations(file, raw.values, only_id=gone)):
            return row.refused(violations), False, ()
        if gone:
            return row, True, ()
        facts = facts_of(file, raw.values, self._import.options.subject)
        if violations := list(facts_violations(facts, self._import.options.subject)):
            return row.refused(violations), False, ()
        return replace(row, facts=facts), False, references(file, raw.values)

    def _resolved(
        self, file: File, rows: Sequence[tuple[ImportRow, tuple[Reference, ...]]]
    ) -> Iterator[ImportRow]:
        """Yield rows with what other files say of them; refused if these lack it."""
        roles = self._roles([row.sourced_id for row, _ in rows]) if file is File.USERS else {}
        for row, refs in rows:
            missing = [_missing(each) for each in refs if not self._known.has(each)]
            if missing or row.facts is None:
                yield row.refused(missing) if missing else row
            else:
                yield self._completed(row, row.facts, roles)

    def _completed(
        self, row: ImportRow, facts: Facts, roles: Mapping[str, tuple[Role, ...]]
    ) -> ImportRow:
        match facts:
            case UserFacts():
                return self._person(row, facts, roles[row.sourced_id])
            case ClassFacts():
                return self._class(row, facts)
            case CourseFacts() if twice := self._twice(row, "courseCode", identity(facts.code)):
                return row.refused([twice])
        return row

    def _person(self, row: ImportRow, facts: UserFacts, roles: tuple[Role, ...]) -> ImportRow:
        facts = replace(facts, roles=roles)
        column = self._import.options.subject.column
        if twice := self._twice(row, column, facts.person_id):
            return row.refused([twice])
        if violations := list(roles_violations(facts)):
            return row.refused(violations)
        return replace(row, facts=facts)

    def _twice(self, row: ImportRow, column: str, value: str) -> FieldViolation | None:
        """Return a violation if another row of the file is the same person, or the same course."""
        first = self._rows_of.setdefault((row.file, value), row.sourced_id)
        if first == row.sourced_id:
            return None
        wrong = f"{quoted(value)} is also that of {quoted(first)}"
        return FieldViolation(column, wrong, "a value that no other row has")

    def _class(self, row: ImportRow, facts: ClassFacts) -> ImportRow:
        terms = [self._known.facts(File.SESSIONS, each) for each in facts.terms]
        return replace(row, facts=with_terms(facts, (t for t in terms if isinstance(t, TermFacts))))

    def _decided(self, row: ImportRow, gone: bool, link: Link | None) -> ImportRow:
        if row.result is Result.REFUSED:
            return row
        if gone:
            return taken_back(row, link)
        row = compared(row, link)
        if row.result in TO_DO and (violations := self._unfit(row, link)):
            return row.refused(violations)
        return row

    def _unfit(self, row: ImportRow, link: Link | None) -> list[FieldViolation]:
        """Return why a row that changes something can't be taken; applying it would refuse it."""
        match row.facts:
            case UserFacts():
                return list(self._check(row.facts))
            case EnrollmentFacts() if self._is_over(File.CLASSES, row.facts.class_id):
                wrong = f"class {quoted(row.facts.class_id)} has ended"
                return [FieldViolation("classSourcedId", wrong, "a class that has not")]
            case ClassFacts() if link is not None and isinstance(link.facts, ClassFacts):
                return list(class_violations(row.facts, link.facts, self._import.options.sections))
        return []

    def _noted(self, file: File, row: ImportRow, link: Link | None) -> ImportRow:
        """Note what a row means for the rows of other files; return it."""
        if row.result is Result.REMOVED:
            self._known.drop(file, row.sourced_id)
        elif row.result is not Result.REFUSED and row.facts is not None:
            self._known.accept(file, row.sourced_id, row.facts)
        if row.result in TO_DO:
            self._note_change(file, row, link)
        return row

    def _note_change(self, file: File, row: ImportRow, link: Link | None) -> None:
        if file is File.SESSIONS:
            self._touched[File.SESSIONS].add(row.sourced_id)
        if file is File.ROLES:
            gone = row.result is Result.REMOVED
            for facts in (link and link.facts, row.facts):
                if isinstance(facts, RoleFacts):
                    changes = self._role_changes[facts.user]
                    changes.setdefault(row.sourced_id, None)
            if isinstance(row.facts, RoleFacts) and not gone:
                self._role_changes[row.facts.user][row.sourced_id] = row.facts

    # What other files say

    def _roles(self, users: Sequence[str]) -> dict[str, tuple[Role, ...]]:
        """Return the roles of users: those that the source gave before, and what changes now."""
        found: dict[str, dict[str, RoleFacts | None]] = defaultdict(dict)
        for link in self._store.links_within(self._import.source, File.ROLES, users):
            if isinstance(link.facts, RoleFacts):
                found[link.facts.user][link.sourced_id] = link.facts
        for user in users:
            found[user].update(self._role_changes.get(user, {}))
        return {user: roles_of(filter(None, found[user].values())) for user in users}

    def _again(self, file: File) -> Iterator[ImportRow]:
        """Yield rows that the archive does not have, and that change by what it has: users with
        other roles, classes whose terms moved.
        """
        if file is File.USERS:
            wanted = sorted(self._role_changes.keys())
            for part in _parts(iter(wanted), AT_ONCE):
                yield from self._planned_again(file, self._known.unseen(file, part))
        if file is File.CLASSES and self._touched[File.SESSIONS]:
            touched = self._touched[File.SESSIONS]
            moved = [
                link
                for link in self._store.all_links(self._import.source, file)
                if isinstance(link.facts, ClassFacts) and touched.intersection(link.facts.terms)
            ]
            ids = [link.sourced_id for link in moved]
            yield from self._planned_again(file, self._known.unseen(file, ids))

    def _planned_again(self, file: File, links: Sequence[Link]) -> Iterator[ImportRow]:
        if self._modes[file] is Mode.BULK:
            return  # what a bulk file does not have is removed
        rows = [
            ImportRow(
                file=file.csv, sourced_id=link.sourced_id, result=Result.CHANGED, facts=link.facts
            )
            for link in links
        ]
        for link, row in zip(links, self._resolved(file, [(r, ()) for r in rows]), strict=True):
            decided = self._decided(row, False, link)
            if decided.result is not Result.UNCHANGED:
                yield self._noted(file, decided, link)

    # What is absent

    def _absent(self, file: File) -> Iterator[ImportRow]:
        """Yield a removal for each row that the source gave before, and that a bulk file lacks.

        Classes that are over keep their records, and so does what is in them.
        """
        for link in self._store.all_links(self._import.source, file):
            if self._known.was_seen(file, link.sourced_id):
                continue
            if self._is_over(file, link.sourced_id, link.facts):
                continue
            row = ImportRow(
                file=file.csv, sourced_id=link.sourced_id, result=Result.REMOVED, facts=link.facts
            )
            yield self._noted(file, row, link)

    def _is_over(self, file: File, sourced_id: str, facts: Facts | None = None) -> bool:
        """Return whether a class has ended, or whether something is in a class that has."""
        if file is File.ENROLLMENTS:
            return isinstance(facts, EnrollmentFacts) and self._is_over(
                File.CLASSES, facts.class_id
            )
        if file is not File.CLASSES:
            return False
        if sourced_id not in self._over:
            known = self._known.facts(file, sourced_id) or facts
            self._over[sourced_id] = isinstance(known, ClassFacts) and self._has_ended(known)
        return self._over[sourced_id]

    def _has_ended(self, facts: ClassFacts) -> bool:
        return self._store.now >= end_of_day(facts.end_date, self._import.options.zone)


def _missing(reference: Reference) -> FieldViolation:
    wrong = f"{quoted(reference.sourced_id)} is not in {reference.file.csv}, or was refused there"
    return FieldViolation(
        reference.column, wrong, f"the sourcedId of a row of {reference.file.csv}"
    )


def _parts(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(itertools.islice(rows, size)):
        yield part
