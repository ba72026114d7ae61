"""The life of an import: uploads in parts, turns, workers that die or are late, and any roster."""

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tandem.catalog.v1 import imports_pb2

import services.catalog.importing
from campus.oneroster.export import Export, Row
from chassis.data.store import Database
from chassis.jobs import Batch
from chassis.jobs.runner import Runner
from chassis.testing import figure
from services.catalog.domain.oneroster.imports import (
    ChosenOptions,
    Import,
    ImportState,
    Sections,
)
from services.catalog.importing import importing, process
from services.catalog.store import CatalogStore
from services.catalog.store_imports import LANE
from services.catalog.usecases.oneroster import imports as use
from tests.conftest import MakeDatabase
from tests.deep import DEEP
from tests.integration.catalog.registry import fields_of, refused
from tests.integration.catalog.rosters import (
    ASKS,
    CHECKING,
    DONE,
    FAILED,
    MOST,
    PART,
    REFUSED,
    Roster,
    counts,
    state_of,
    uploaded,
)
from tests.oneroster import small

EXAMPLES = 60 if DEEP else 3
# The same examples each time, but for make test-deep. No shrinking: an example takes a second.
few = settings(
    max_examples=EXAMPLES,
    derandomize=not DEEP,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DATA = ("people", "courses", "runs", "groups", "enrolments", "links", "imports", "outbox",
        "import_chunks", "import_turns", "sequences")  # fmt: skip


# Uploads


def test_an_upload_goes_on_where_it_ended(roster: Roster) -> None:
    """Parts come one after the other; one that came before changes nothing, and a gap, a part of a
    wrong size or one beyond the end is refused.
    """
    content = small().zipped()
    content += bytes(PART + 5 - len(content))  # what is behind the archive does no harm
    begun = roster.start(content, dry_run=True)
    assert (begun.state, begun.received) == (CHECKING, len(content))
    other = roster.rpc.StartImport(
        imports_pb2.StartImportRequest(source="sis", size=PART + 5, sha256="0" * 64)
    )
    append = partial(roster.append, other.id)
    for offset, size in ((PART, 5), (0, 5), (7, PART), (2 * PART, PART)):
        assert fields_of(refused(partial(append, offset, bytes(size)))), (offset, size)
    assert append(0, bytes(PART)).received == PART
    assert append(0, bytes(PART)).received == PART
    assert append(PART, bytes(5)).state == CHECKING
    assert append(PART, bytes(5)).state == CHECKING
    roster.runner.run_due()
    assert roster.get(other.id).reason == "the bytes have another SHA-256 than was announced"


def test_what_can_not_be_imported_is_refused_at_once(roster: Roster) -> None:
    """Each wrong field of an announcement is told; a file that is too large, too."""
    request = imports_pb2.StartImportRequest(
        source="a/b",
        size=2**40,
        sha256="x",
        options=imports_pb2.ImportOptions(zone="Mars", removal_share=2),
    )
    assert fields_of(refused(lambda: roster.rpc.StartImport(request))) == [
        "source",
        "sha256",
        "options.zone",
        "options.removal_share",
    ]
    large = imports_pb2.StartImportRequest(source="sis", size=2**40, sha256="0" * 64)
    assert fields_of(refused(lambda: roster.rpc.StartImport(large))) == ["size"]


def test_the_file_is_removed_when_the_import_ends(roster: Roster) -> None:
    """One that waits for a confirmation keeps it; where it is gone by then, the import fails."""
    parts = roster.registry.database.mongo["import_parts"]
    export = small()
    for number in range(20):
        export.user(f"more{number}")
    roster.run(export)
    assert parts.count_documents({}) == 0
    asks = roster.run(small())
    assert (asks.state, parts.count_documents({})) == (ASKS, 1)
    parts.delete_many({})
    failed = roster.confirm(asks.id)
    assert (failed.state, "no longer there" in failed.reason) == (FAILED, True)


def test_an_archive_that_can_not_be_read_fails_with_its_reason(roster: Roster) -> None:
    """Nothing changes, and another import of the source goes on."""
    failed = roster.run(b"no archive")
    assert failed.state == FAILED
    assert failed.reason.startswith("the file is no ZIP archive")
    assert roster.run(small()).state == DONE


def test_an_archive_of_endless_rows_is_given_up(
    roster: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its rows fill the database."""
    monkeypatch.setattr(services.catalog.importing, "MOST_ROWS", 10)
    failed = roster.run(small())
    assert (failed.state, "more than 10 rows" in failed.reason) == (FAILED, True)


def test_hostile_ids_are_refused_and_make_no_large_documents(roster: Roster) -> None:
    """Ids of 15,000 characters, new or to be deleted, and a class of very many unknown terms."""
    export = small()
    export.user("x" * 15_000)
    export.add("users", "y" * 15_000, status="tobedeleted", givenName="Y")
    export.class_("k-many", "c1", terms=",".join(map(str, range(250))))
    done = roster.run(export)
    found = roster.rows(done.id, REFUSED)
    assert {(row.file, len(row.sourced_id)) for row in found} == {
        ("users.csv", 255), ("classes.csv", 6), ("roles.csv", 255),
    }  # fmt: skip
    assert max(row.ByteSize() for row in found) < 4_000


# Workers


def claimed(database: Database[CatalogStore], import_id: str, claim: str) -> Batch:
    """A worker's claim on an import, whoever had it before."""
    change = {"$set": {"job.claim": claim, "job.due": datetime.now(UTC)}}
    database.mongo["imports"].update_one({"_id": import_id}, change)
    return Batch(claim, LANE, (import_id,), {}, ("",), lambda: False)


def test_imports_of_one_source_take_turns(roster: Roster) -> None:
    """The second one waits until the first has ended; one of another source does not."""
    database = roster.registry.database
    first, second = roster.start(small().zipped()), roster.start(small().zipped())
    assert database.reader().take_turn("sis", first.id)
    other = roster.start(small().zipped(), source="other")
    work = partial(process, database, MOST)
    assert work(claimed(database, second.id, "b")) == 0
    assert roster.get(second.id).state == CHECKING
    assert work(claimed(database, other.id, "c")) == 1
    assert work(claimed(database, first.id, "a")) == 1
    assert work(claimed(database, second.id, "b")) == 1
    assert set(counts(roster.get(second.id))["enrollments.csv"]) == {"unchanged"}


def test_a_worker_that_was_taken_for_dead_does_nothing_more(roster: Roster) -> None:
    """Its successor goes on at the next chunk: each row is applied once, and the late worker's next
    chunk is refused.
    """
    database = roster.registry.database
    begun = roster.start(small().zipped())
    first = claimed(database, begun.id, "first")
    stopping = iter([False, False, False, True])
    with pytest.raises(Exception, match="to end"):
        process(database, MOST, replace(first, stopping=lambda: next(stopping, True)))
    done = roster.get(begun.id).done
    assert 0 < done < 20
    second = claimed(database, begun.id, "second")
    with pytest.raises(use.TakenOver):
        database.transact(partial(use.apply_next, import_id=begun.id, claim="first"))
    assert process(database, MOST, first) == 0
    assert process(database, MOST, second) == 1
    assert (roster.get(begun.id).state, roster.get(begun.id).done) == (DONE, 20)
    types = [row["type"] for row in roster.registry.events()]
    assert types.count("tandem.catalog.enrolment.created.v1") == 4
    assert types.count("tandem.catalog.run.opened.v1") == 2


def test_two_workers_race_for_one_import(make_database: MakeDatabase) -> None:
    """Whenever one takes it from the other, the roster and its events are as with one alone."""
    alone, raced = make_database(CatalogStore), make_database(CatalogStore)
    export = small()
    for number in range(120):
        export.user(f"more{number}")
        export.enrol("k-c1", f"more{number}")
    uploaded(alone, export.zipped())
    Runner(alone, importing(MOST)).run_due()
    begun = uploaded(raced, export.zipped())
    process_of = partial(process, raced, MOST)
    first = threading.Thread(target=process_of, args=[claimed(raced, begun.id, "0")])
    first.start()
    threads = [first]
    for number in range(1, 6):
        batch = claimed(raced, begun.id, str(number))
        threads.append(threading.Thread(target=process_of, args=[batch]))
        threads[-1].start()
    for each in threads:
        each.join()
    found = use.get_import(raced.reader(), begun.id)
    assert found.state is ImportState.DONE
    assert state_of(raced) == state_of(alone)
    assert raced.mongo["outbox"].count_documents({}) == alone.mongo["outbox"].count_documents({})


def test_imports_are_counted(roster: Roster) -> None:
    """By state and by the results of their rows, for the dashboard and the alert."""
    rows, ends = "tandem_catalog_import_rows_total", "tandem_catalog_imports_total"
    before = figure(rows, result="ADDED"), figure(ends, state="DONE"), figure(ends, state="FAILED")
    roster.run(small())
    roster.run(b"no archive")
    after = figure(rows, result="ADDED"), figure(ends, state="DONE"), figure(ends, state="FAILED")
    assert [now - was for was, now in zip(before, after, strict=True)] == [20, 1, 1]


# Any roster

Pair = tuple[Database[CatalogStore], Database[CatalogStore]]


@pytest.fixture
def pair(make_database: MakeDatabase) -> Pair:
    """Two databases for all examples of a test."""
    return make_database(CatalogStore), make_database(CatalogStore)


def emptied(database: Database[CatalogStore]) -> Database[CatalogStore]:
    """A database without a roster."""
    for name in DATA:
        database.mongo[name].delete_many({})
    return database


def brought(database: Database[CatalogStore], export: Export, sections: Sections) -> Import:
    """Import an export to its end, whatever it removes."""
    options = ChosenOptions(
        sections=sections, subject=None, delivery_mode=None, zone="", language="", mode=None,
        removal_share=1.0,
    )  # fmt: skip
    begun = uploaded(database, export.zipped(), options=options)
    Runner(database, importing(MOST)).run_due()
    return use.get_import(database.reader(), begun.id)


def roster_of(seed: int, sections: Sections) -> Export:
    """A random roster of few people, courses and classes, so that two of them overlap. Every file
    has a row, because one without rows is absent, and then it removes nothing. A run of groups
    keeps the title that its course had first, so courses have one title there.
    """
    chosen, export = random.Random(seed), Export()
    export.org()
    export.term(last=f"2026-0{chosen.randint(6, 9)}-30")
    export.user("s0")
    export.course("c0")
    export.class_("k0", "c0")
    export.enrol("k0", "s0")
    for name in chosen.sample(["c1", "c2", "c3"], chosen.randint(1, 3)):
        number = chosen.randint(0, 1) if sections is Sections.RUNS else 0
        export.course(name, title=f"Course {name} {number}")
    for name in chosen.sample(["k1", "k2", "k3", "k4"], chosen.randint(1, 4)):
        course = f"c{int(name[1]) % 3 + 1}"
        if course in export.files["courses"]:
            export.class_(name, course, title=f"Class {name}")
    for name in chosen.sample(["s1", "s2", "s3", "s4"], chosen.randint(1, 4)):
        export.user(name, familyName=f"{name}-{chosen.randint(0, 1)}")
        for class_ in export.files["classes"]:
            if chosen.random() < 0.6:
                export.enrol(class_, name, chosen.choice(["student", "student", "teacher"]))
    return export


@few
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(list(Sections)))
def test_a_roster_after_another_is_as_if_it_came_alone(
    pair: Pair, first: int, second: int, sections: Sections
) -> None:
    """A, then B is B; and B again changes nothing and publishes no event."""
    database, fresh = pair
    before, after = roster_of(first, sections), roster_of(second, sections)
    for export in (before, after):
        done = brought(emptied(database) if export is before else database, export, sections)
        assert done.state is ImportState.DONE, done.reason
        assert not sum(each.refused for each in done.counts), done.counts
    brought(emptied(fresh), after, sections)
    assert state_of(database) == state_of(fresh)
    events = database.mongo["outbox"].count_documents({})
    again = brought(database, after, sections)
    assert not sum(each.added + each.changed + each.removed for each in again.counts)
    assert database.mongo["outbox"].count_documents({}) == events


NASTY = ("", " ", "\0", "x" * 2_000, "tobedeleted", "student", "s1", "k-c1", "-1", "2026-02-30",
         'a"b', "a,b", "=1+1", "\u202e", "ﬁ", "t1,t1", "../..", "2026-01-01", "c1 t1")  # fmt: skip


@few
@given(st.integers(0, 10**6))
def test_any_wrong_values_give_rows_and_no_error(pair: Pair, seed: int) -> None:
    """Whatever stands in some fields, the import ends, and each row of each file has a result."""
    database, chosen = emptied(pair[0]), random.Random(seed)
    export = small()
    for _ in range(6):
        file = chosen.choice([name for name in export.files if name != "orgs"])
        row: Row = export.files[file][chosen.choice(list(export.files[file]))]
        row[chosen.choice(list(row))] = chosen.choice(NASTY)
    for _ in range(2):
        begun = uploaded(database, export.zipped())
        Runner(database, importing(MOST)).run_due()
        done = use.get_import(database.reader(), begun.id)
        assert done.state is ImportState.DONE, done.reason
        rows = database.reader().rows_page(done.plan, [], (-1, -1), 1_000)
        given_rows = sorted((row.file, row.line) for _, row in rows if row.line > 1)
        wanted = [
            (f"{name}.csv", line)
            for name, lines in export.files.items()
            for line in range(2, len(lines) + 2)
        ]
        assert given_rows == sorted(wanted)
        assert all(row.violations for _, row in rows if row.result == "REFUSED")
