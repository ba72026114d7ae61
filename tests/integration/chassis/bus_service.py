"""A service of the bus alone, to start as a process: python -m ...bus_service relay|worker|declare.

An event's effect is counted under its enrolment. Its learner says what the handler does:
`wait-for-X` retries until the collection `known` has X, `needs-X` waits for X; `drop` and
`poison` never succeed, unless `known` has them. With PARTITIONED in the environment the
subscription is partitioned, and stores the newest event of each aggregate.
"""

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chassis.operations.settings import Settings
from chassis.roles import main

QUEUE = "catalog.tests"


@dataclass(frozen=True)
class EnrolmentWithdrawn:
    """An event of the contracts."""

    enrolment_id: str
    run_id: str
    learner_id: str
    withdrawn_at: datetime


def store_class() -> Any:
    """The store."""
    from chassis.data.migrations import Migration, adding
    from chassis.data.store import Store

    class BusStore(Store):
        service = "catalog"
        migrations = (
            Migration(1, "all", adding({"effects": [], "newest": [], "known": [], "ticks": []})),
        )

    return BusStore


def subscription() -> Any:
    """The queue and its handler."""
    from tandem.catalog.v1 import events_pb2

    from chassis.messaging.subscriptions import one_by_one

    found = one_by_one(QUEUE, {events_pb2.EnrolmentWithdrawn: _withdrawn})
    return replace(found, partitioned="PARTITIONED" in os.environ)


def _withdrawn(store: Any, event: Any) -> None:
    _obey(store, event.data.learner_id)
    store["effects"].update_one(
        {"_id": event.data.enrolment_id},
        {"$inc": {"count": 1}, "$set": {"run": event.data.run_id, "sequence": event.sequence}},
        upsert=True,
        session=store.session,
    )
    if "PARTITIONED" in os.environ:
        _keep_newest(store, event)


def _keep_newest(store: Any, event: Any) -> None:
    """Store the newest event of each aggregate, as handlers do that keep replicas."""
    kept = store["newest"].find_one({"_id": event.partition_key}, session=store.session)
    if kept is None or kept["sequence"] < event.sequence:
        store["newest"].replace_one(
            {"_id": event.partition_key},
            {"sequence": event.sequence, "told": event.data.enrolment_id},
            upsert=True,
            session=store.session,
        )


def _obey(store: Any, order: str) -> None:
    from chassis.messaging.subscriptions import DeadLetter, Retry, Wait

    wanted = order.removeprefix("wait-for-").removeprefix("needs-")
    known = store["known"].find_one({"_id": wanted}, session=store.session)
    if known:
        return
    if order.startswith("wait-for-"):
        raise Retry(f"{order.removeprefix('wait-for-')} is not known yet")
    if order.startswith("needs-"):
        raise Wait(f"{wanted} is not known yet")
    if order == "drop":
        raise DeadLetter("nobody wants it")
    if order == "poison":
        raise ValueError("poison")


def relay(settings: Settings) -> None:
    """The relay role."""
    from chassis.messaging import relay as runtime

    runtime.serve(settings, "catalog")


def worker(settings: Settings) -> None:
    """The worker role. ONE_TRY: after one second's delay a failing event is given up."""
    from chassis import worker as runtime
    from chassis.messaging import queue_watch, topology
    from chassis.messaging.subscriptions import Timer
    from chassis.roles import open_database

    if "ONE_TRY" in os.environ:
        topology.DELAYS = topology.DELAYS[:1]
    if "PARTITIONED" in os.environ:
        queue_watch.POLL_INTERVAL = queue_watch.DISCOVERY_INTERVAL = 0.5

    def tick(database: Any) -> None:
        database.mongo["ticks"].insert_one({"pid": os.getpid()})

    timer: Timer[Any] = Timer("tick", timedelta(milliseconds=50), tick)
    database = open_database(settings, "catalog", store_class())
    runtime.serve(settings, "catalog", database, [subscription()], [timer])


def declare(settings: Settings) -> None:
    """The declare role."""
    from chassis.messaging import topology

    topology.declare(settings.amqp_url, [subscription()], settings.partitions)


if __name__ == "__main__":
    main("catalog", Settings, {"relay": relay, "worker": worker, "declare": declare})
