"""Events that wait for an event of another service: a document for each, for metrics and people.

Such events are in the broker's delays, where they can't be distinguished from failed ones. A
document is renewed whenever its event comes back, at least every ten minutes, and deleted when the
event is applied or given up. Documents that a crash leaves behind expire.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pymongo
import structlog
from pymongo.errors import PyMongoError

from chassis.contracts import cloudevents
from chassis.data.migrations import Mongo
from chassis.messaging import redelivery
from chassis.messaging.dispositions import Disposition, Kind
from chassis.messaging.inbox import inbox_id
from chassis.messaging.redelivery import Headers
from chassis.operations import metrics

COLLECTION = "waiting"

log = structlog.get_logger()


def follow(
    mongo: Mongo,
    subscription: str,
    headers: Sequence[Headers],
    dispositions: Sequence[Disposition],
    now: float,
    limit: float,
) -> None:
    """Store which deliveries of a batch wait, and delete documents of those that no longer do.

    Only metrics depend on it, so a failure is just logged.
    """
    writes = []
    for given, disposition in zip(headers, dispositions, strict=True):
        since = redelivery.waiting_since(given, now, limit)
        begun = int(now) if since is None else since
        key = inbox_id(subscription, str(cloudevents.raw(given).get("id"))[: cloudevents.LONGEST])
        if disposition.kind is Kind.WAIT and now - begun < limit:
            writes.append(_renewal(key, subscription, begun, disposition.reason))
        elif since is not None:
            writes.append(pymongo.DeleteOne({"_id": key}))
    try:
        if writes:
            mongo[COLLECTION].bulk_write(writes, ordered=False)
    except PyMongoError as error:
        log.info("can't store which events wait", subscription=subscription, why=str(error)[:200])


def report(mongo: Mongo, subscriptions: Sequence[str]) -> None:
    """Set the metrics: how many events of each subscription wait, and for how long the oldest."""
    for name in subscriptions:
        query: Mapping[str, Any] = {"subscription": name}
        oldest = mongo[COLLECTION].find_one(query, sort=[("since", 1)])
        age = time.time() - oldest["since"].timestamp() if oldest else 0.0
        metrics.WAITING.labels(name).set(mongo[COLLECTION].count_documents(query))
        metrics.WAITING_OLDEST.labels(name).set(max(0.0, age))


def _renewal(key: str, subscription: str, since: int, reason: str) -> Any:
    document = {
        "subscription": subscription,
        "since": datetime.fromtimestamp(since, UTC),
        "seen_at": datetime.now(UTC),
        "reason": reason,
    }
    return pymongo.UpdateOne({"_id": key}, {"$set": document}, upsert=True)
