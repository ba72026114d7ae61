"""A catalog with a worker for imports, and what its tests ask of it."""

import hashlib
from typing import Any

from tandem.catalog.v1 import imports_pb2

from campus.oneroster.export import Export
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from services.catalog.domain.oneroster.imports import AppendImport, Import, StartImport
from services.catalog.importing import importing
from services.catalog.store import CatalogStore
from services.catalog.usecases.oneroster import imports as use
from tests.integration.catalog.registry import Registry

PART = 2**20
MOST = 2**28
DONE, CHECKED = imports_pb2.IMPORT_STATE_DONE, imports_pb2.IMPORT_STATE_CHECKED
CHECKING = imports_pb2.IMPORT_STATE_CHECKING
FAILED = imports_pb2.IMPORT_STATE_FAILED
ASKS = imports_pb2.IMPORT_STATE_NEEDS_CONFIRMATION
REFUSED = imports_pb2.IMPORT_RESULT_REFUSED
GROUPS = imports_pb2.ImportOptions(sections=imports_pb2.SECTIONS_GROUPS)
Counts = dict[str, dict[str, int]]


class Roster:
    """A catalog with a worker for imports."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.rpc = registry, registry.staff
        self.runner = Runner(registry.database, importing(MOST))

    def start(self, content: bytes, source: str = "sis", **more: Any) -> imports_pb2.Import:
        """Announce and upload an archive."""
        begun = self.rpc.StartImport(
            imports_pb2.StartImportRequest(
                source=source,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                **more,
            )
        )
        for offset in range(0, len(content), PART):
            begun = self.append(begun.id, offset, content[offset : offset + PART])
        return begun

    def append(self, import_id: str, offset: int, data: bytes) -> imports_pb2.Import:
        """Upload a part."""
        request = imports_pb2.AppendImportRequest(import_id=import_id, offset=offset, data=data)
        return self.rpc.AppendImport(request)

    def run(self, export: Export | bytes, **more: Any) -> imports_pb2.Import:
        """Import an archive to its end."""
        content = export if isinstance(export, bytes) else export.zipped()
        begun = self.start(content, **more)
        self.runner.run_due()
        return self.get(begun.id)

    def get(self, import_id: str) -> imports_pb2.Import:
        """The import as it is."""
        return self.rpc.GetImport(imports_pb2.GetImportRequest(import_id=import_id))

    def confirm(self, import_id: str) -> imports_pb2.Import:
        """Confirm what it would remove, and go on to its end."""
        self.rpc.ConfirmImport(imports_pb2.ConfirmImportRequest(import_id=import_id))
        self.runner.run_due()
        return self.get(import_id)

    def rows(self, import_id: str, *results: Any) -> list[imports_pb2.ImportRow]:
        """All rows with some results, page by page."""
        found: list[imports_pb2.ImportRow] = []
        request = imports_pb2.ListImportRowsRequest(
            import_id=import_id, results=results, page_size=3
        )
        while True:
            page = self.rpc.ListImportRows(request)
            found += page.rows
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def events(self) -> int:
        """How many events were ever recorded."""
        return len(self.registry.events())

    def state(self) -> dict[str, Any]:
        """What people see of the roster, without ids that the server makes."""
        return state_of(self.registry.database)


def state_of(database: Database[CatalogStore]) -> dict[str, Any]:
    """What people see of the roster, without ids that the server makes."""
    mongo = database.mongo
    courses = {row["_id"]: row for row in mongo["courses"].find()}
    runs = {row["_id"]: row for row in mongo["runs"].find()}
    groups = {row["_id"]: row["name"] for row in mongo["groups"].find()}
    return {
        "people": sorted(
            (row["_id"], row["family_name"], row["email"], tuple(row["roles"]))
            for row in mongo["people"].find({"retired_at": None})
        ),
        "courses": sorted(
            (row["code"], row["title"]) for row in courses.values() if not row["retired_at"]
        ),
        "runs": sorted(
            (
                courses[run["course_id"]]["code"],
                run["title"],
                run["start_date"],
                sorted((each["person_id"], each["role"]) for each in run["staff"]),
            )
            for run in runs.values()
            if run["state"] == "OPEN"
        ),
        "enrolments": sorted(
            (
                runs[row["run_id"]]["title"],
                row["learner_id"],
                sorted(groups[each] for each in row["group_ids"]),
            )
            for row in mongo["enrolments"].find({"state": {"$ne": "WITHDRAWN"}})
            if runs[row["run_id"]]["state"] == "OPEN"
        ),
    }


def uploaded(database: Database[CatalogStore], content: bytes, **more: Any) -> Import:
    """Announce and upload an archive of one part, without an api."""
    sha256 = hashlib.sha256(content).hexdigest()
    fields: dict[str, Any] = {"source": "sis", "dry_run": False, "options": None, **more}
    command = StartImport(size=len(content), sha256=sha256, **fields)
    begun = database.transact(lambda store: use.start_import(store, command, "tests", MOST))
    part = AppendImport(import_id=begun.id, offset=0, data=content)
    return database.transact(lambda store: use.append_import(store, part))


def counts(done: imports_pb2.Import) -> Counts:
    """The counts of an import that are not zero, by file."""
    return {
        each.file: {
            field.name: value
            for field, value in each.ListFields()
            if field.name not in ("file", "had")
        }
        for each in done.counts
    }


def reasons(rows: list[imports_pb2.ImportRow]) -> list[tuple[str, int, str]]:
    """File, line and field of each violation."""
    return [(row.file, row.line, each.field) for row in rows for each in row.violations]
