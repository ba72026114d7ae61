"""Opening a service's database at the start, and waiting until it is reachable and migrated.

Meanwhile the process is live and not ready, so that an orchestrator lets it wait.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import structlog
from pymongo.errors import PyMongoError

from chassis.clock import clock_from
from chassis.data import retention
from chassis.data.store import Database, Store, connect, is_away
from chassis.operations import metrics, ops
from chassis.operations.settings import Settings

S = TypeVar("S", bound=Store)
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0

log = structlog.get_logger()


def open_database(settings: Settings, service: str, store: type[S]) -> Database[S]:
    """Return the service's database. Waits until MongoDB answers and the database is migrated."""
    database = _database(settings, service, store)
    state, why = _state(database)
    if all(state.values()):
        metrics.report_ready(state)
        return database
    server = ops.serve(settings.ops_address, lambda: state)
    pause = FIRST_WAIT
    try:
        while not all(state.values()):
            if why:
                _log_away(settings, why, pause)
            else:
                _log_unmigrated(service, database, pause)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)
            state, why = _state(database)
    finally:
        metrics.report_ready(state)
        server.close()
    return database


def migrate(settings: Settings, service: str, store: type[S]) -> None:
    """Migrate the service's database to this version. Waits while MongoDB is away."""
    database = _database(settings, service, store)
    pause = FIRST_WAIT

    def prepare() -> None:
        database.prepare()
        retention.keep(database.mongo, settings.kept)

    while why := _why_away(prepare):
        _log_away(settings, why, pause)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_WAIT)
    log.info("the database is migrated", database=database.mongo.name)


def _database(settings: Settings, service: str, store: type[S]) -> Database[S]:
    client = connect(settings.mongo_url, f"tandem-{service}")
    name = settings.mongo_database or f"tandem_{service}"
    return Database(client, name, store, clock_from(settings.clock))


def _state(database: Database[S]) -> tuple[Mapping[str, bool], str]:
    """Return what /ready reports meanwhile, and why MongoDB can't be used, if it can't."""
    missing: list[str] = []
    why = _why_away(lambda: missing.extend(database.missing()))
    return ({"mongodb": False}, why) if why else ({"mongodb": True, "migrated": not missing}, "")


def _why_away(work: Callable[[], object]) -> str:
    """Do `work`; return why MongoDB is away, or an empty text once the work is done."""
    try:
        work()
    except PyMongoError as error:
        if is_away(error):
            return repr(error)[:300]
        raise
    return ""


def _log_away(settings: Settings, why: str, pause: float) -> None:
    hosts = urlsplit(settings.mongo_url).netloc.rpartition("@")[2]
    log.warning("waiting for MongoDB", hosts=hosts, why=why, seconds=pause)


def _log_unmigrated(service: str, database: Database[S], pause: float) -> None:
    log.warning(
        "waiting for the database's migration",
        run=f"python -m services.{service} migrate",
        database=database.mongo.name,
        seconds=pause,
    )
