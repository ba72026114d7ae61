"""Opening a service's database at the start, however long MongoDB takes to be there."""

import time
from typing import TypeVar

import structlog
from pymongo.errors import ConnectionFailure
from pymongo.uri_parser import parse_uri

from chassis import ops
from chassis.clock import clock_from
from chassis.settings import Settings
from chassis.store import Database, Store, connect

S = TypeVar("S", bound=Store)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0

log = structlog.get_logger()


def open_database(settings: Settings, service: str, store: type[S]) -> Database[S]:
    """The service's database, prepared. Waits as long as MongoDB is away, and says so.

    Meanwhile the process is live and not ready, so that an orchestrator lets it wait.
    """
    client = connect(settings.mongo_url, f"tandem-{service}")
    name = settings.mongo_database or f"tandem_{service}"
    database = Database(client, name, store, clock_from(settings.clock))
    if not _prepared(database):
        _wait(database, settings)
    return database


def _wait(database: Database[S], settings: Settings) -> None:
    server = ops.serve(settings.ops_address, lambda: {"mongodb": False})
    pause = FIRST_WAIT
    hosts = ", ".join(f"{host}:{port}" for host, port in parse_uri(settings.mongo_url)["nodelist"])
    try:
        while True:
            log.warning("waiting for MongoDB", hosts=hosts, seconds=pause)
            time.sleep(pause)
            if _prepared(database):
                return
            pause = min(pause * 2, LONGEST_WAIT)
    finally:
        server.close()


def _prepared(database: Database[S]) -> bool:
    try:
        database.prepare()
    except ConnectionFailure:
        return False
    return True
