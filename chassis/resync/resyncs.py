"""Resyncs in a service's database: asking for one, and how far it is.

A resync is a document of `resyncs` with a job (chassis.jobs). It is kept for 90 days.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo import IndexModel

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data.store import Store
from chassis.errors import FieldViolation, NotFound, check

COLLECTION, LANE = "resyncs", "resync"
KEEP = 90 * 86_400
"""Seconds that a resync is kept after it began."""
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    COLLECTION: [jobs.INDEX, IndexModel("started_at", expireAfterSeconds=KEEP)]
}
"""For a migration of each service that has sources."""


class ResyncState(StrEnum):
    """Where a resync is."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class ResyncCount:
    """How many events of a type the broker has confirmed."""

    type: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """The present state of a service on its way to one subscription."""

    id: str
    subscription: str
    kinds: tuple[str, ...]
    requested_by: str
    started_at: datetime
    """By the system's clock: what is old is removed by it."""
    state: ResyncState = ResyncState.RUNNING
    reason: str = ""
    place: int = 0
    """Which of `kinds` is being sent."""
    after: str = ""
    """The id of the last thing of this kind that was sent."""
    sent: tuple[ResyncCount, ...] = ()
    not_taken: tuple[str, ...] = ()
    """The types that the subscription does not take."""
    ended_at: datetime | None = None


def begin(
    store: Store,
    subscription: str,
    kinds: Sequence[str],
    known: Collection[str],
    requested_by: str,
) -> Resync:
    """Store a resync as a job, and return it. `known`: the kinds that the service has; `kinds`:
    those to send, or none for all of them. Raises Invalid.
    """
    check(
        FieldViolation(f"kinds[{place}]", f"there is no kind {kind!r}", f"of {', '.join(known)}")
        for place, kind in enumerate(kinds)
        if kind not in known
    )
    begun = Resync(
        id=store.new_id(),
        subscription=subscription,
        kinds=tuple(each for each in known if each in kinds or not kinds),
        requested_by=requested_by,
        started_at=datetime.now(UTC),
    )
    document = to_document(begun) | {"job": jobs.waiting(LANE, begun.started_at)}
    store.insert(COLLECTION, [document])
    return begun


def get(store: Store, resync_id: str) -> Resync:
    """Return a resync. Raises NotFound."""
    row = store[COLLECTION].find_one({"_id": resync_id}, session=store.session)
    if row is None:
        raise NotFound(f"there is no resync {resync_id!r}")
    return from_document(row, Resync)


def claimed(store: Store, resync_id: str, claim: str) -> Resync | None:
    """Return a resync if a claim still has it; None if another worker does."""
    row = store[COLLECTION].find_one(jobs.ours(claim, [resync_id]))
    return None if row is None else from_document(row, Resync)


def note(store: Store, resync: Resync, claim: str) -> bool:
    """Store how far a resync is, if a claim still has it; return whether it has. The job of one
    that has ended is done.
    """
    document: dict[str, Any] = to_document(resync)
    update: dict[str, Any] = {"$set": document}
    if resync.ended_at is not None:
        update["$unset"] = jobs.DONE
    query = jobs.ours(claim, [document.pop("_id")])
    return store[COLLECTION].update_one(query, update).matched_count == 1
