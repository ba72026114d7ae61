"""How long the import of a university's OneRoster export takes, beside a bare loop of its writes.

A real worker does the import. The bare loop inserts the same numbers of documents of the same sizes
in transactions of as many rows, and decides nothing.
"""

import hashlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from pymongo import MongoClient

from bench import rig
from bench.figures import Figure, at_most, told
from campus.oneroster.export import Export
from chassis import ids
from chassis.clock import SystemClock
from chassis.data.store import Database, connect
from chassis.operations.settings import MIGRATE, WORKER
from services.catalog.domain.oneroster.imports import PART, AppendImport, ImportState, StartImport
from services.catalog.store import CatalogStore
from services.catalog.usecases.oneroster import imports as use
from tests.oneroster import university

NAME = "bench_roster"
LEARNERS, CLASSES, EACH = 10_000, 500, 5
ENROLMENTS = LEARNERS * EACH
AT_ONCE = 500
LIMIT = 1 << 30
# The collections of which an import writes a document for each row, or each event.
WRITTEN = ("people", "enrolments", "links", "outbox", "sequences")
SETTINGS = {"TANDEM_MONGO_DATABASE": NAME, "TANDEM_OPS_ADDRESS": "127.0.0.1:0"}


def measure() -> Iterator[Figure]:
    """Seconds for the first import, for the same again, and for the bare loop."""
    export = university(LEARNERS, CLASSES, EACH)
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(NAME)
        rig.run("services.catalog", MIGRATE, settings=SETTINGS)
        rig.run("services.catalog", "declare", settings=SETTINGS)
        database = Database(client, NAME, CatalogStore, SystemClock())
        with rig.running("services.catalog", WORKER, settings=SETTINGS):
            first, again = _imported(database, export), _imported(database, export)
        bare = _bare(client)
    rows = f"{ENROLMENTS:,} enrolments"
    yield at_most(f"import of {rows}", first, "s", 120)
    yield told(f"the same import of {rows} again", again, "s")
    yield told(f"a bare loop of the writes of {rows}", bare, "s")


def _imported(database: Database[CatalogStore], export: Export) -> float:
    """Import an export to its end; return the seconds from the last part on."""
    content = export.zipped()
    command = StartImport(
        source="sis",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        dry_run=False,
        options=None,
    )
    begun = database.transact(lambda store: use.start_import(store, command, "bench", LIMIT))
    for offset in range(0, len(content), PART):
        data = content[offset : offset + PART]
        part = AppendImport(import_id=begun.id, offset=offset, data=data)
        database.transact(partial(use.append_import, command=part))
    began = time.monotonic()
    while (found := use.get_import(database.reader(), begun.id)).ended_at is None:
        time.sleep(0.1)
    assert found.state is ImportState.DONE, found.reason
    assert not sum(each.refused for each in found.counts), found.counts
    return time.monotonic() - began


def _bare(client: "MongoClient[dict[str, Any]]") -> float:
    """Insert copies of what the import left, in transactions; return the seconds."""
    copies = {name: list(client[NAME][name].find()) for name in WRITTEN}
    for documents in copies.values():
        for each in documents:
            each["_id"] = ids.new_id()
    target = client[f"{NAME}_bare"]
    client.drop_database(target.name)
    for name in WRITTEN:
        target.create_collection(name)
        for index in list(client[NAME][name].list_indexes())[1:]:
            target[name].create_index(list(index["key"].items()))
    began = time.monotonic()
    longest = max(map(len, copies.values()))
    for first in range(0, longest, AT_ONCE):
        with client.start_session() as session, session.start_transaction():
            for name, documents in copies.items():
                if part := documents[first : first + AT_ONCE]:
                    target[name].insert_many(part, session=session)
    return time.monotonic() - began
