"""Migrations: in order, once each, side by side, and after a kill."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo import IndexModel
from structlog.testing import capture_logs

from chassis.data.migrations import Migration, adding, migrate, newer, pending
from tests.integration.chassis.slow_migration import STUCK_AT, steps

SCRIPT = Path(__file__).with_name("slow_migration.py")


@pytest.fixture
def database(mongo: "pymongo.MongoClient[Any]") -> Iterator[Any]:
    name = f"t_migrations_{uuid.uuid4().hex[:8]}"
    yield mongo[name]
    mongo.drop_database(name)


def noting(notes: list[int], number: int) -> Migration:
    """A step that records that it ran."""
    return Migration(number, f"step {number}", lambda _: notes.append(number))


def test_steps_run_in_order_and_once(database: Any) -> None:
    """Each step runs once, is recorded with its name, and later only what is new runs."""
    notes: list[int] = []
    first = [noting(notes, 1), noting(notes, 2)]
    migrate(database, {"test": first})
    migrate(database, {"test": first})
    migrate(database, {"test": [*first, noting(notes, 3)]})
    assert notes == [1, 2, 3]
    records = {row["_id"]: row["name"] for row in database["migrations"].find()}
    assert records == {"test:0001": "step 1", "test:0002": "step 2", "test:0003": "step 3"}


def test_owners_count_by_themselves(database: Any) -> None:
    """The chassis' first step and a service's first step are two."""
    notes: list[int] = []
    migrate(database, {"chassis": [noting(notes, 1)], "service": [noting(notes, 1)]})
    assert notes == [1, 1]


def test_side_by_side_each_step_runs_once(database: Any) -> None:
    """Of several processes that migrate at once, one runs each step, and the others wait."""
    notes: list[int] = []
    running = threading.Semaphore(1)

    def alone(mongo: Any) -> None:
        assert running.acquire(blocking=False)
        noting(notes, 1).run(mongo)
        running.release()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: migrate(database, {"t": [Migration(1, "x", alone)]}), range(6)))
    assert notes == [1]


def test_a_step_that_fails_is_not_recorded(database: Any) -> None:
    """The failure is reported; the step runs again the next time, before later steps."""
    notes: list[int] = []

    def failing(mongo: Any) -> None:
        if not notes:
            notes.append(0)
            raise ValueError("not now")

    todo = [Migration(1, "fails once", failing), noting(notes, 2)]
    with pytest.raises(ValueError, match="not now"):
        migrate(database, {"test": todo})
    assert [step.number for step in pending(database, "test", todo)] == [1, 2]
    migrate(database, {"test": todo})
    assert notes == [0, 2]


def test_a_kill_in_a_step_is_made_good(database: Any, stack: dict[str, str]) -> None:
    """After SIGKILL in the middle of a step, the next process completes the step."""
    database["rows"].insert_many({"n": number} for number in range(100))
    command = [sys.executable, str(SCRIPT), stack["TANDEM_MONGO_URL"], database.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line == f"{STUCK_AT}\n":
                break
        process.kill()
    done = database["rows"].count_documents({"double": {"$exists": True}})
    assert 10 <= done < 100
    assert [step.number for step in pending(database, "test", steps())] == [2]
    migrate(database, {"test": steps()})
    assert all(row["double"] == 2 * row["n"] for row in database["rows"].find())
    assert pending(database, "test", steps()) == []


def test_a_newer_database_is_fine(database: Any) -> None:
    """Code that knows fewer steps than were done has nothing to do, and says which it lacks."""
    migrate(database, {"test": steps()})
    older = {"test": steps()[:1]}
    with capture_logs() as lines:
        migrate(database, older)
    assert pending(database, "test", older["test"]) == []
    assert newer(database, older) == ["test:0002"]
    assert [(line["event"], line["steps"]) for line in lines] == [
        ("a newer version has migrated the database", ["test:0002"])
    ]


def test_what_is_there_already_is_no_error(database: Any) -> None:
    """Collections and indexes that an older release made are taken as they are, with their rows."""
    database["things"].create_index("name", unique=True)
    database["things"].insert_one({"name": "a"})
    wanted = {"things": [IndexModel("name", unique=True)], "others": []}
    migrate(database, {"test": [Migration(1, "things", adding(wanted))]})
    assert database["things"].count_documents({"name": "a"}) == 1
    assert {"things", "others"} <= set(database.list_collection_names())
