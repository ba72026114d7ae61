"""Imports of OneRoster archives into a real database, by the RPCs and the workers' job."""

import hashlib
from typing import Any

import pytest
from tandem.catalog.v1 import catalog_pb2, imports_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.jobs.runner import Runner
from services.catalog.importing import importing
from tests.integration.catalog.registry import ONLINE, Registry, fields_of, refused
from tests.oneroster import Export, small

PART = 2**20
DONE, CHECKED = imports_pb2.IMPORT_STATE_DONE, imports_pb2.IMPORT_STATE_CHECKED
FAILED = imports_pb2.IMPORT_STATE_FAILED
ASKS = imports_pb2.IMPORT_STATE_NEEDS_CONFIRMATION
GROUPS = imports_pb2.ImportOptions(sections=imports_pb2.SECTIONS_GROUPS)
Counts = dict[str, dict[str, int]]


class Roster:
    """A catalog with a worker for imports."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.rpc = registry, registry.staff
        self.runner = Runner(registry.database, importing(2**28))

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
        mongo = self.registry.database.mongo
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


@pytest.fixture
def roster(registry: Registry) -> Roster:
    return Roster(registry)


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


def test_a_dry_run_tells_the_difference_and_changes_nothing(roster: Roster) -> None:
    """It counts what would be added, by file, and leaves people, courses and links alone."""
    done = roster.run(small(), dry_run=True)
    assert done.state == CHECKED, done.reason
    assert counts(done) == {
        "orgs.csv": {"added": 1},
        "academicSessions.csv": {"added": 1},
        "roles.csv": {"added": 4},
        "users.csv": {"added": 4},
        "courses.csv": {"added": 2},
        "classes.csv": {"added": 2},
        "enrollments.csv": {"added": 6},
    }
    assert roster.events() == 0
    assert roster.registry.database.mongo["links"].count_documents({}) == 0
    assert len(roster.rows(done.id)) == 20


def test_an_import_brings_people_courses_runs_and_enrolments(roster: Roster) -> None:
    """They have external ids with their source, and every row has its result."""
    done = roster.run(small())
    assert done.state == DONE, done.reason
    assert (done.to_do, done.done) == (20, 20)
    state = roster.state()
    assert [row[0] for row in state["people"]] == ["s1", "s2", "s3", "t1"]
    assert state["runs"] == [
        ("C1", "Class k-c1", "2026-03-01", [("t1", "TEACHER")]),
        ("C2", "Class k-c2", "2026-03-01", [("t1", "TEACHER")]),
    ]
    assert len(state["enrolments"]) == 4
    told = roster.rpc.GetPerson(catalog_pb2.GetPersonRequest(person_id="s1")).external_ids
    assert [(each.source, each.id) for each in told] == [("sis", "s1")]
    runs = roster.rpc.ListRuns(catalog_pb2.ListRunsRequest()).runs
    assert sorted(run.external_ids[0].id for run in runs) == ["k-c1", "k-c2"]
    mine = catalog_pb2.ListEnrolmentsRequest(learner_id="s2")
    (enrolment,) = roster.rpc.ListEnrolments(mine).enrolments
    assert [each.id for each in enrolment.external_ids] == ["e-k-c1-s2-student"]


def test_the_same_import_twice_changes_nothing(roster: Roster) -> None:
    """The second one finds all rows unchanged, and publishes no event."""
    for options in (None, GROUPS):
        export = small()
        export.source = "groups" if options else "runs"
        roster.run(export, source=export.source, options=options)
        before, events = roster.state(), roster.events()
        again = roster.run(export, source=export.source, options=options)
        assert again.state == DONE, again.reason
        assert {tuple(each) for each in counts(again).values()} == {("unchanged",)}
        assert (roster.events(), roster.state()) == (events, before)
