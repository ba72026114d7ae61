"""An older database, with people's data in it, and `python -m services.<name> migrate`."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from bson import decode, encode

from campus.architecture import services
from chassis.clock import SystemClock
from chassis.data.store import Database
from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.events import ItemFailed
from services.library.store import LibraryStore

THEN = datetime(2026, 3, 2, 9, tzinfo=UTC)
# MongoDB removes by its own what is remembered for too long.
LATELY = datetime.now(UTC).replace(microsecond=0)
# As the first version of the library left its database: no `rubbish`, and no record of migrations.
ITEMS: list[dict[str, Any]] = [
    {
        "_id": f"item-{state.lower()}",
        "kind": "RECORDING",
        "metadata": {
            "title": f"A film, {state}",
            "creators": [],
            "subjects": [],
            "description": "",
            "language": "de",
            "rights": "",
        },
        "state": state,
        "failure": "its bytes are not video/mp4" if state == "FAILED" else "",
        "run_ids": ["run-1"],
        "renditions": [],
        "seconds": 12.5,
        "uploaded_by": "ada",
        "created_at": THEN,
        "available_at": None,
        "promised": {"name": "original", "media_type": "video/mp4", "size": 9, "sha256": "0" * 64},
        "claimed_until": None,
    }
    for state in ("AVAILABLE", "FAILED")
]
EVENT = {
    "_id": "0190a6b2-0000-7000-8000-000000000001",
    "type": "tandem.library.item.failed.v1",
    "key": "item-failed",
    "sequence": 1,
}
# The chassis' documents of that version: a sequence, an answered request, an applied event.
KEPT: dict[str, dict[str, Any]] = {
    "outbox": EVENT,
    "sequences": {"_id": "item-failed", "last": 1},
    "requests": {
        "_id": "StartUpload/ada:r-1",
        "request": b"asked",
        "answer": b"told",
        "at": LATELY,
    },
    "inbox": {"_id": "library.enrolments:0190", "at": LATELY},
}
OLD_INDEXES = {
    "items": [[("state", 1), ("claimed_until", 1)]],
    "uploads": [[("state", 1), ("started_at", 1)]],
    "enrolments": [[("learner_id", 1), ("state", 1)]],
    "shelves": [[("item_ids", 1)]],
}


@pytest.fixture
def mongo_database(mongo: "pymongo.MongoClient[Any]") -> Iterator[Any]:
    name = f"t_upgrade_{uuid.uuid4().hex[:8]}"
    yield mongo[name]
    mongo.drop_database(name)


def run_migrate(service: str, database: Any, stack: Mapping[str, str]) -> str:
    """The output of the real process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"services.{service}", "migrate"],
        env={
            **{name: value for name, value in os.environ.items() if "TANDEM_" not in name},
            "TANDEM_MONGO_URL": stack["TANDEM_MONGO_URL"],
            "TANDEM_MONGO_DATABASE": database.name,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def indexes(database: Any) -> dict[str, Any]:
    """Every collection's indexes, by name."""
    return {
        name: database[name].index_information()
        for name in sorted(database.list_collection_names())
    }


def repeated(store: LibraryStore) -> bytes:
    """The answer to a command that the older version has answered."""
    return store.idempotent("StartUpload/ada", "r-1", b"asked", lambda: b"asked anew")


@pytest.mark.parametrize("service", services())
def test_from_nothing_to_this_version(
    service: str, mongo_database: Any, stack: dict[str, str]
) -> None:
    """The role makes what the service's code would make itself; a second run changes nothing."""
    first = run_migrate(service, mongo_database, stack)
    assert '"event": "migrated"' in first
    once = indexes(mongo_database)
    assert {"outbox", "inbox", "leases", "migrations", "requests", "sequences"} <= once.keys()
    records = list(mongo_database["migrations"].find())
    assert '"event": "migrated"' not in run_migrate(service, mongo_database, stack)
    assert indexes(mongo_database) == once
    assert list(mongo_database["migrations"].find()) == records


def test_events_of_enrolments_go_on_from_the_number_of_their_run(
    mongo_database: Any, stack: dict[str, str]
) -> None:
    """They were numbered by run once: copies elsewhere would pass over lower numbers."""
    enrolments = [{"_id": f"e-{n}", "run_id": f"r-{n % 2}", "learner_id": f"l-{n}"} for n in (1, 2)]
    mongo_database["enrolments"].insert_many(enrolments)
    numbers = {"r-0": 40, "r-1": 7, "e-1": 9}
    mongo_database["sequences"].insert_many(
        [{"_id": key, "last": last} for key, last in numbers.items()]
    )
    for _ in range(2):
        run_migrate("catalog", mongo_database, stack)
        mongo_database["migrations"].delete_many({"_id": "catalog:0002"})
    after = {row["_id"]: row["last"] for row in mongo_database["sequences"].find()}
    assert after == {**numbers, "e-1": 9, "e-2": 40}


def test_an_older_library_keeps_what_it_has(mongo_database: Any, stack: dict[str, str]) -> None:
    """Items, copies and waiting events stay as they are, and items get the time of their change;
    failed items' files are to be removed.
    """
    for name, keys in OLD_INDEXES.items():
        for key in keys:
            mongo_database[name].create_index(key)
    mongo_database["items"].insert_many(ITEMS)
    for name, row in KEPT.items():
        mongo_database[name].insert_one(row)
    before = [decode(encode(row)) for row in mongo_database["items"].find()]
    assert '"library:0003"' in run_migrate("library", mongo_database, stack)
    after = [decode(encode(row)) for row in mongo_database["items"].find()]
    assert all(row.pop("changed_at") for row in after)
    assert after == before
    assert {name: mongo_database[name].find_one() for name in KEPT} == KEPT
    assert list(mongo_database["rubbish"].find()) == [{"_id": "item-failed", "multipart": ""}]
    database = Database(mongo_database.client, mongo_database.name, LibraryStore, SystemClock())
    assert database.missing() == []
    assert database.transact(repeated) == b"told"
    again = ItemFailed(
        item_id="item-failed",
        kind=ItemKind.RECORDING,
        title="A film",
        reason="once more",
        failed_at=THEN,
    )
    database.transact(lambda store: store.record_event(again))
    assert sorted(row["sequence"] for row in mongo_database["outbox"].find()) == [1, 2]
    (deletion,) = database.reader().pending_deletions()
    assert deletion.id == "item-failed"
    found = database.reader().item("item-available")
    assert found is not None
    assert (found.state, found.seconds) == (ItemState.AVAILABLE, 12.5)
    for name, keys in OLD_INDEXES.items():  # which the older version still uses
        have = [each["key"] for each in mongo_database[name].index_information().values()]
        assert all(key in have for key in keys)


def test_an_older_calendar_gets_revisions(mongo_database: Any, stack: dict[str, str]) -> None:
    """Sessions and series of before are in their first revision, since now; newer ones stay."""
    newer = {"_id": "newer", "name": "s", "revision": 4, "revised_at": THEN}
    for name in ("sessions", "series"):
        mongo_database[name].insert_many([{"_id": "older", "name": "s"}, newer])
    run_migrate("sessions", mongo_database, stack)
    for name in ("sessions", "series"):
        older = mongo_database[name].find_one({"_id": "older"})
        assert (older["name"], older["revision"]) == ("s", 0)
        assert older["revised_at"] > THEN
        assert mongo_database[name].find_one({"_id": "newer"}) == newer
