"""Progress's replicas in MongoDB: people, runs, paths, sessions, items."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfoNotFoundError

from pymongo import ASCENDING, UpdateOne

from chassis.civil import zone_fingerprint
from chassis.contracts.mapping import from_document, to_document
from chassis.data import store as chassis_store
from chassis.replicas import Replica
from services.progress.domain.path import Path, Run
from services.progress.domain.people import Person
from services.progress.domain.sessions import Item, Session

# How long a timer passes over what it could not work on. Someone has to repair it: a single bad
# document fails often enough for the alert TandemTimerFails, more than three times in 15 minutes.
SET_ASIDE = timedelta(minutes=3)

# Always the same years, so that the fingerprint of a zone differs only if its data do.
ZONE_YEARS = range(2025, 2036)

Document = dict[str, Any]
C = TypeVar("C", bound=Replica)

_COLLECTIONS: Mapping[type, str] = {Run: "runs", Path: "paths", Item: "items", Person: "people"}


class ReplicasStore(chassis_store.Store):
    """The part of the store with replicas of other services' data."""

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """Return the known replicas of one class (Person, Run, Path, Item), by id."""
        wanted = list(ids)
        if not wanted:  # for example if all plans of a batch are cached
            return {}
        # An older version of the service stored items without a sequence, as locks.
        query = {"_id": {"$in": wanted}, "sequence": {"$exists": True}}
        rows = self[_COLLECTIONS[cls]].find(query, session=self.session)
        return {row["_id"]: from_document(row, cls) for row in rows}

    def put_replicas(self, replicas: Sequence[C]) -> None:
        """Store replicas of one class."""
        if replicas:
            self._set(_COLLECTIONS[type(replicas[0])], map(_document, replicas))

    def runs_ended_by(self, until: datetime, most: int) -> list[str]:
        """Return runs that had ended by `until`, and whose end was not noted yet."""
        return self._ids("runs", {"end_due": {"$lte": until}}, "end_due", most)

    def note_ended(self, run_ids: Collection[str]) -> None:
        """Note that these runs have ended; a new event of a run takes the note away."""
        query = {"_id": {"$in": list(run_ids)}}
        self["runs"].update_many(query, {"$set": {"end_due": None}}, session=self.session)

    def runs_of_other_zone_data(self, most: int) -> list[str]:
        """Return runs that have not ended, and were last evaluated by other data of their zone."""
        zones = filter(None, self["runs"].distinct("zone", session=self.session))
        stale = [{"zone": zone, "zone_print": {"$ne": _print(zone)}} for zone in zones]
        lasting = {"$or": [{"end_due": {"$ne": None}}, {"ends_at": None}]}
        return self._ids("runs", {"$and": [{"$or": stale}, lasting]}, "_id", most) if stale else []

    def note_zone_data(self, run_ids: Collection[str]) -> list[str]:
        """Note that these runs are evaluated by the present data of their zones; return those that
        were evaluated by other data before.
        """
        changed = []
        for row in self.find_by_ids("runs", run_ids):
            update = {"$set": {"zone_print": _print(row["zone"])}}
            self["runs"].update_one({"_id": row["_id"]}, update, session=self.session)
            if row.get("zone_print"):
                changed.append(row["_id"])
        return changed

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """Return those that are known, by id."""
        return self.replicas(Item, ids)

    def sessions(self, ids: Iterable[str]) -> dict[str, Session]:
        """Return those that are known, by id."""
        rows = self.find_by_ids("sessions", ids)
        return {row["_id"]: from_document(row, Session) for row in rows}

    def sessions_recorded_as(self, item_ids: Iterable[str]) -> dict[str, Session]:
        """Return the sessions whose recording is one of these items, by id."""
        among = {"$in": list(item_ids)}
        query = {"mentions": among, "recording_item_id": among}  # the first has the index
        rows = self["sessions"].find(query, session=self.session)
        return {row["_id"]: from_document(row, Session) for row in rows}

    def sessions_ended_by(self, until: datetime, most: int) -> list[str]:
        """Return sessions that had ended by `until`, and whose recordings are still waited for."""
        # None: stored by a version without this field.
        query = {"waited": {"$in": [False, None]}, "ended_at": {"$lte": until}}
        return self._ids("sessions", query, "ended_at", most)

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Store sessions, new or changed."""
        self._set(
            "sessions", (to_document(one) | {"mentions": list(one.mentions)} for one in sessions)
        )

    def runs_naming(self, item_ids: Collection[str]) -> set[str]:
        """Return the runs whose path or sessions name one of these items."""
        among = {"$in": list(item_ids)}
        paths = self["paths"].distinct("_id", {"activities.item_id": among}, session=self.session)
        sessions = self["sessions"].distinct("run_id", {"mentions": among}, session=self.session)
        return {*paths, *sessions}

    # Work of timers that fails

    def set_aside(self, collection: str, ids: Collection[object]) -> None:
        """Let timers pass over these documents for some time: working on them failed."""
        until = {"set_aside_until": self.now + SET_ASIDE}
        among = {"_id": {"$in": list(ids)}}
        self[collection].update_many(among, {"$set": until}, session=self.session)

    def _ready(self) -> Document:
        """Return a query for documents that are not set aside."""
        return {"set_aside_until": {"$not": {"$gt": self.now}}}

    def _ids(self, collection: str, query: Document, order: str, most: int) -> list[str]:
        """Return the ids of documents in an order, without those that are set aside."""
        rows = self[collection].find(query | self._ready(), {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort(order, ASCENDING).limit(most)]

    def _set(self, collection: str, documents: Iterable[Document]) -> None:
        """Store documents, new or changed; stored keys that a document lacks stay."""
        writes = (UpdateOne({"_id": one["_id"]}, {"$set": one}, upsert=True) for one in documents)
        self._write(collection, writes)

    def _write(self, collection: str, writes: Iterable[UpdateOne]) -> None:
        """Do writes that don't depend on each other."""
        if some := list(writes):
            self[collection].bulk_write(some, ordered=False, session=self.session)


def _print(zone: str) -> str:
    """Return a fingerprint of a zone's data as this process has them."""
    try:
        return zone_fingerprint(zone, ZONE_YEARS)
    except (ZoneInfoNotFoundError, ValueError):
        return "unknown"


def _document(replica: Replica) -> Document:
    ends = {"end_due": replica.ends_at} if isinstance(replica, Run) else {}
    return to_document(replica) | ends
