"""Retention: MongoDB deletes some documents a while after their `at`.

`at` is an instant of the system's clock, because MongoDB deletes by its own clock. The retention
times are settings, so they are not part of the numbered migrations: the migrate role adapts the
indexes to the settings each time that it runs.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from chassis.data.migrations import Mongo

FIELD = "at"
INDEX = f"{FIELD}_1"

log = structlog.get_logger()


def keep(mongo: Mongo, lengths: Mapping[str, timedelta]) -> None:
    """Let the documents of each collection expire this long after their `at`. Safe to repeat."""
    for name, length in lengths.items():
        seconds = int(length.total_seconds())
        index = mongo[name].index_information().get(INDEX)
        if index is None:
            mongo[name].create_index(FIELD, expireAfterSeconds=seconds)
        elif index.get("expireAfterSeconds") != seconds:
            wanted = {"name": INDEX, "expireAfterSeconds": seconds}
            mongo.command("collMod", name, index=wanted)
            log.info("changed how long documents are kept", collection=name, seconds=seconds)
