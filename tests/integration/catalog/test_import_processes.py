"""Real workers import rosters: one that is stopped, and ones that are killed in the middle."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from tandem.sessions.v1.events_pb2 import AvailabilityChanged

from chassis.clock import SystemClock
from chassis.contracts.events import Event, event_type
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from services.catalog.domain.availability import Availability
from services.catalog.domain.oneroster.imports import Import, ImportState
from services.catalog.importing import importing
from services.catalog.store import CatalogStore
from services.catalog.usecases.oneroster import imports as use
from tests.conftest import MakeDatabase
from tests.deep import only_deep
from tests.integration.catalog.rosters import MOST, state_of, uploaded
from tests.integration.processes import RoleProcess, declare, eventually, publish
from tests.oneroster import university

KILLS = 4


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[CatalogStore]:
    """A database on the system's clock: the worker has no other."""
    made = make_database(CatalogStore)
    return Database(made.client, made.mongo.name, CatalogStore, SystemClock())


Start = Callable[[], RoleProcess]


@pytest.fixture
def start(database: Database[CatalogStore], stack: dict[str, str], vhost: str) -> Iterator[Start]:
    """Starts one more worker of catalog, whose queue is declared."""
    environment = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": database.mongo.name,
        "TANDEM_OPS_ADDRESS": "127.0.0.1:0",
    }
    declare("catalog", environment)
    started: list[RoleProcess] = []

    def one() -> RoleProcess:
        started.append(RoleProcess(["-m", "services.catalog", "worker"], environment))
        return started[-1]

    yield one
    for each in started:
        each.kill()


def _now(database: Database[CatalogStore], begun: Import) -> Import:
    return use.get_import(database.reader(), begun.id)


def test_a_worker_imports_and_stops(
    database: Database[CatalogStore], start: Start, vhost: str
) -> None:
    """The role does what is uploaded, notes when people can teach, and ends at SIGTERM."""
    begun = uploaded(database, university(20, 2, 2).zipped())
    worker = start()
    data = AvailabilityChanged(person_id="curie", zone="Europe/Dublin")
    told = Event("1", event_type(type(data)), "/t", begun.created_at, "curie", "curie", 1, "", data)
    publish(vhost, told)
    eventually(lambda: "curie" in database.reader().replicas(Availability, ["curie"]))
    eventually(lambda: _now(database, begun).state is ImportState.DONE)
    assert worker.stop() == 0


@only_deep
def test_killed_workers_lose_and_repeat_nothing(
    database: Database[CatalogStore], start: Start, make_database: MakeDatabase
) -> None:
    """Workers that are killed one after the other leave the roster and the events of one that was
    not; each row has one result.
    """
    export = university(600, 10, 3)
    begun = uploaded(database, export.zipped())
    for _ in range(KILLS):
        done = _now(database, begun).done
        worker = start()
        eventually(partial(_is_further, database, begun, done))
        worker.kill()
        # Another takes over when the claim ends; the test does not wait a minute for that.
        change = {"$set": {"job.due": datetime.now(UTC)}}
        database.mongo["imports"].update_one({"_id": begun.id, "job": {"$exists": True}}, change)
    start()
    eventually(lambda: _now(database, begun).state is ImportState.DONE)
    alone = make_database(CatalogStore)
    other = uploaded(alone, export.zipped())
    Runner(alone, importing(MOST)).run_due()
    assert state_of(database) == state_of(alone)
    assert _now(database, begun).counts == _now(alone, other).counts
    assert database.mongo["outbox"].count_documents({}) == alone.mongo["outbox"].count_documents({})


def _is_further(database: Database[CatalogStore], begun: Import, done: int) -> bool:
    now = _now(database, begun)
    return now.done > done or now.state is ImportState.DONE
