"""Opening a service's database at the start, however long it takes to be there and ready.

Meanwhile the process is live and not ready, so that an orchestrator lets it wait.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from pymongo.errors import ConnectionFailure
from pymongo.uri_parser import parse_uri

from chassis import metrics, ops
from chassis.clock import clock_from
from chassis.settings import Settings
from chassis.store import Database, Store, connect

S = TypeVar("S", bound=Store)
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0

log = structlog.get_logger()


def open_database(settings: Settings, service: str, store: type[S]) -> Database[S]:
    """The service's database. Waits until MongoDB answers and the database is migrated."""
    database = _database(settings, service, store)
    state = _state(database)
    if all(state.values()):
        metrics.tell_ready(state)
        return database
    server = ops.serve(settings.ops_address, lambda: state)
    pause = FIRST_WAIT
    try:
        while not all(state.values()):
            _tell(settings, service, database, state, pause)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)
            state = _state(database)
    finally:
        metrics.tell_ready(state)
        server.close()
    return database


def migrate(settings: Settings, service: str, store: type[S]) -> None:
    """Bring the service's database to this version. Waits as long as MongoDB is away."""
    database = _database(settings, service, store)
    pause = FIRST_WAIT
    while not _does(database.prepare):
        log.warning("waiting for MongoDB", hosts=_hosts(settings), seconds=pause)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_WAIT)
    log.info("the database is as this version needs it", database=database.mongo.name)


def _database(settings: Settings, service: str, store: type[S]) -> Database[S]:
    client = connect(settings.mongo_url, f"tandem-{service}")
    name = settings.mongo_database or f"tandem_{service}"
    return Database(client, name, store, clock_from(settings.clock))


def _state(database: Database[S]) -> Mapping[str, bool]:
    """What /ready tells meanwhile."""
    missing: list[str] = []
    answers = _does(lambda: missing.extend(database.missing()))
    return {"mongodb": True, "migrated": not missing} if answers else {"mongodb": False}


def _does(work: Callable[[], object]) -> bool:
    try:
        work()
    except ConnectionFailure:
        return False
    return True


def _tell(
    settings: Settings,
    service: str,
    database: Database[S],
    state: Mapping[str, bool],
    pause: float,
) -> None:
    if state["mongodb"]:
        log.warning(
            "waiting for the database's migration",
            run=f"python -m services.{service} migrate",
            database=database.mongo.name,
            seconds=pause,
        )
    else:
        log.warning("waiting for MongoDB", hosts=_hosts(settings), seconds=pause)


def _hosts(settings: Settings) -> str:
    nodes = parse_uri(settings.mongo_url)["nodelist"]
    return ", ".join(f"{host}:{port}" for host, port in nodes)
