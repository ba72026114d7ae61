"""Checks and applies imports; each import is a job."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from tandem.catalog.v1 import resources_pb2

from chassis.contracts.mapping import to_message
from chassis.data.store import Database
from chassis.errors import DomainError, FieldViolation
from chassis.jobs import Batch, Jobs, Work, again, ours
from services.catalog import metrics
from services.catalog.domain.oneroster.facts import UserFacts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.imports import (
    PART,
    FileCounts,
    Import,
    ImportState,
    counted,
)
from services.catalog.domain.oneroster.people import person_of
from services.catalog.domain.oneroster.rows import ROWS_AT_ONCE, ImportRow, Step
from services.catalog.oneroster_archive import ZipArchive
from services.catalog.roster import person_violations
from services.catalog.store import CatalogStore
from services.catalog.store_imports import LANE
from services.catalog.usecases.oneroster import imports as use
from services.catalog.usecases.oneroster.archive import ArchiveError
from services.catalog.usecases.oneroster.planning import Planner

# An import waits so long for another one of its source, and looks again.
WAIT = timedelta(seconds=1)
# Rows between two notes of how far a check is.
NOTE_EVERY = 1_000
# An archive of short lines has many more than any university has rows.
MOST_ROWS = 5_000_000

log = structlog.get_logger()


def importing(most: int) -> Jobs[CatalogStore]:
    """Return the jobs that do imports. `most`: the bytes that an archive may have unpacked."""

    @contextmanager
    def work(database: Database[CatalogStore]) -> Iterator[Work]:
        yield partial(process, database, most)

    return Jobs("catalog.import", "imports", {LANE: 1}, ((LANE,),), work)


def process(database: Database[CatalogStore], most: int, batch: Batch) -> int:
    """Work on the import of a batch until it ends, or needs a confirmation; return how many have.

    After a crash another worker checks again, or goes on at the next chunk. Raises GiveBack if the
    process is to end.
    """
    (import_id,) = batch.ids
    begun = database.reader().claimed_import(import_id, batch.claim)
    if begun is None:
        return 0
    if not database.reader().take_turn(begun.source, begun.id):
        _wait(database, batch)
        return 0
    try:
        if begun.state is ImportState.CHECKING:
            begun = _check(database, most, batch, begun)
        while begun.state is ImportState.APPLYING:
            batch.go_on()
            begun = _apply(database, batch, begun)
    except use.TakenOver as error:
        log.warning("an import was taken over", import_id=import_id, why=str(error))
        return 0
    metrics.IMPORTS.labels(begun.state).inc()
    log.info("import", import_id=import_id, state=begun.state, reason=begun.reason)
    return 1


def _wait(database: Database[CatalogStore], batch: Batch) -> None:
    due = again(datetime.now(UTC) + WAIT)
    database.mongo["imports"].update_many(ours(batch.claim, batch.ids), {"$set": due})


def _apply(database: Database[CatalogStore], batch: Batch, begun: Import) -> Import:
    begun, rows = database.transact(partial(use.apply_next, import_id=begun.id, claim=batch.claim))
    for result, count in Counter(row.result for row in rows).items():
        metrics.IMPORT_ROWS.labels(result).inc(count)
    return begun


def _check(database: Database[CatalogStore], most: int, batch: Batch, begun: Import) -> Import:
    claim = batch.claim
    try:
        counts, read = _planned(database, most, batch, begun)
    except (ArchiveError, DomainError) as error:
        why = str(error)[:1_000]
        return database.transact(lambda store: use.fail(store, begun.id, claim, why))
    return database.transact(lambda store: use.finish_check(store, begun.id, claim, counts, read))


def _planned(
    database: Database[CatalogStore], most: int, batch: Batch, begun: Import
) -> tuple[list[FileCounts], int]:
    """Store the plan of an import; return the counts of its files, and how many rows were read."""
    archive = _opened(database, most, begun)
    database.reader().remove_plans(begun.id)
    plan = _Plan(database, batch, begun)
    planner = Planner(database.reader(), begun, archive, partial(_unfit, begun))
    for step, row in planner.plan():
        plan.add(step, row)
    return plan.finish(planner), plan.read


def _opened(database: Database[CatalogStore], most: int, begun: Import) -> ZipArchive:
    """Return the archive of an import. Raises ArchiveError, and FailedPrecondition if its options
    don't fit those of before.
    """
    store = database.reader()
    use.same_options(begun, store.last_applied(begun.source))
    content = store.file_of(begun, PART)
    if len(content) < begun.size:
        raise ArchiveError("the file is no longer there; expected an import within 7 days")
    if hashlib.sha256(content).hexdigest() != begun.sha256:
        raise ArchiveError("the bytes have another SHA-256 than was announced")
    return ZipArchive(content, most)


def _unfit(begun: Import, facts: UserFacts) -> list[FieldViolation]:
    person = to_message(person_of(facts, None, begun.options), resources_pb2.Person)
    found = person_violations(person)
    subject = begun.options.subject
    columns = {**_COLUMNS, "id": subject.column}
    return [replace(each, field=columns.get(each.field, each.field)) for each in found]


# The columns of users.csv that a person's fields come from.
_COLUMNS = {"given_name": "givenName", "family_name": "familyName"}


def _place_of(counts: FileCounts) -> int:
    """Return the place of a file among all; the manifest is first."""
    return next((place for place, file in enumerate(File) if file.csv == counts.file), -1)


class _Plan:
    """Stores the rows of a check in chunks, as they come."""

    def __init__(self, database: Database[CatalogStore], batch: Batch, begun: Import) -> None:
        self._store, self._batch, self._begun = database.reader(), batch, begun
        self._waiting: dict[tuple[Step, str], list[ImportRow]] = defaultdict(list)
        self._counts: dict[str, FileCounts] = {}
        self._number = 0
        self.read = 0

    def add(self, step: Step, row: ImportRow) -> None:
        """Add a row."""
        waiting = self._waiting[step, row.file if step is not Step.REPORT else ""]
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE[step]:
            self._write(step, waiting)
        self.read += 1
        if self.read > MOST_ROWS:
            raise ArchiveError(f"the files have more than {MOST_ROWS} rows; expected fewer")
        if self.read % NOTE_EVERY == 0:
            self._note()

    def finish(self, planner: Planner) -> list[FileCounts]:
        """Store the rest, and return the counts of each file."""
        for (step, _), rows in self._waiting.items():
            if rows:
                self._write(step, rows)
        self._note()
        for file in File:
            counts = self._counts.get(file.csv)
            if counts is not None and counts.removed:
                had = planner.had(file)
                self._counts[file.csv] = counts.before(had)
        return sorted(self._counts.values(), key=_place_of)

    def _write(self, step: Step, rows: list[ImportRow]) -> None:
        self._store.add_rows(self._begun, self._batch.claim, step, self._number, rows)
        self._counts = counted(self._counts, rows)
        self._number += 1
        rows.clear()

    def _note(self) -> None:
        self._batch.go_on()
        if not self._store.note_read(self._begun.id, self._batch.claim, self.read):
            raise use.TakenOver("while it was checked")
