"""How long a service's books are kept: MongoDB deletes documents some time after their `at`.

`at` is an instant of the system's clock, for MongoDB deletes by its own. The lengths are settings,
so they are no part of the numbered migrations: the migrate role brings the indexes to them, each
time that it runs.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from chassis.data.migrations import Mongo

FIELD = "at"
INDEX = f"{FIELD}_1"

log = structlog.get_logger()


def keep(mongo: Mongo, lengths: Mapping[str, timedelta]) -> None:
    """Let the documents of each collection expire so long after their `at`. Safe to repeat."""
    for name, length in lengths.items():
        seconds = int(length.total_seconds())
        index = mongo[name].index_information().get(INDEX)
        if index is None:
            mongo[name].create_index(FIELD, expireAfterSeconds=seconds)
        elif index.get("expireAfterSeconds") != seconds:
            wanted = {"name": INDEX, "expireAfterSeconds": seconds}
            mongo.command("collMod", name, index=wanted)
            log.info("documents are kept for another time", collection=name, seconds=seconds)
