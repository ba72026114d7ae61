"""Progress's copies of others' things in MongoDB: people, runs, paths, sessions, items."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pymongo import UpdateOne

from chassis import store as chassis_store
from chassis.mapping import from_document, to_document
from services.progress.domain.copies import Copy
from services.progress.domain.path import Path, Run
from services.progress.domain.people import Person
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Item, Session

Document = dict[str, Any]
C = TypeVar("C", bound=Copy)

_COLLECTIONS: Mapping[type, str] = {Run: "runs", Path: "paths", Item: "items", Person: "people"}


class CopiesStore(chassis_store.Store):
    """The part of the store that knows of others' things."""

    def copies(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """The copies of one class (Person, Run, Path, Item) that are known, by id."""
        # An item that is only guarded has no sequence yet.
        query = {"_id": {"$in": list(ids)}, "sequence": {"$exists": True}}
        rows = self[_COLLECTIONS[cls]].find(query, session=self.session)
        return {row["_id"]: from_document(row, cls) for row in rows}

    def put_copies(self, copies: Sequence[C]) -> None:
        """Keep copies of one class."""
        if copies:
            self._set(_COLLECTIONS[type(copies[0])], map(to_document, copies))

    def items(self, ids: Iterable[str]) -> dict[str, Item]:
        """Those that are known, by id."""
        return self.copies(Item, ids)

    def guard_items(self, item_ids: Iterable[str]) -> None:
        """Be alone with these items: who names one, and who tells of one, must know of the other.

        Else each of two units of work, one that brings a recording and one that makes its item
        available, might miss the other's part, and nobody would assign the catch-ups.
        """
        touch = {"$inc": {"touched": 1}}
        writes = [UpdateOne({"_id": item}, touch, upsert=True) for item in sorted(set(item_ids))]
        if writes:
            self["items"].bulk_write(writes, session=self.session)

    def sessions(self, ids: Iterable[str]) -> dict[str, Session]:
        """Those that are known, by id."""
        rows = self["sessions"].find({"_id": {"$in": list(ids)}}, session=self.session)
        return {row["_id"]: from_document(row, Session) for row in rows}

    def sessions_recorded_as(self, item_ids: Iterable[str]) -> dict[str, Session]:
        """Those whose recording is one of these items, by id."""
        among = {"$in": list(item_ids)}
        query = {"mentions": among, "recording_item_id": among}  # the first has the index
        rows = self["sessions"].find(query, session=self.session)
        return {row["_id"]: from_document(row, Session) for row in rows}

    def sessions_ended_by(self, until: datetime, most: int) -> list[Session]:
        """Sessions that had ended by then, and whose recordings are still waited for."""
        # None: kept by a version that did not know of waiting.
        query = {"waited": {"$in": [False, None]}, "ended_at": {"$lte": until}}
        rows = self["sessions"].find(query, session=self.session).sort("ended_at").limit(most)
        return [from_document(row, Session) for row in rows]

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Keep sessions, new or changed."""
        self._set(
            "sessions", (to_document(one) | {"mentions": list(one.mentions)} for one in sessions)
        )

    def runs_naming(self, item_ids: Collection[str]) -> set[str]:
        """The runs whose path or sessions name one of these items."""
        among = {"$in": list(item_ids)}
        paths = self["paths"].distinct("_id", {"activities.item_id": among}, session=self.session)
        sessions = self["sessions"].distinct("run_id", {"mentions": among}, session=self.session)
        return {*paths, *sessions}

    def plans(self, run_ids: Iterable[str]) -> dict[str, Plan]:
        """The plans of those runs that were opened."""
        runs = self.copies(Run, run_ids)
        paths = self.copies(Path, runs)
        sessions = self._sessions_of(runs)
        named = {run_id: _named(paths.get(run_id), sessions[run_id]) for run_id in runs}
        items = self.items(set().union(*named.values()))
        return {
            run_id: Plan(
                run,
                paths.get(run_id),
                {each.id: each for each in sessions[run_id]},
                {each: items[each] for each in named[run_id] if each in items},
            )
            for run_id, run in runs.items()
        }

    def _sessions_of(self, run_ids: Iterable[str]) -> Mapping[str, list[Session]]:
        found = defaultdict(list)
        query = {"run_id": {"$in": list(run_ids)}}
        for row in self["sessions"].find(query, session=self.session):
            found[row["run_id"]].append(from_document(row, Session))
        return found

    def _set(self, collection: str, documents: Iterable[Document]) -> None:
        """Keep documents, new or changed; keys that a document does not have stay."""
        writes = [UpdateOne({"_id": one["_id"]}, {"$set": one}, upsert=True) for one in documents]
        if writes:
            self[collection].bulk_write(writes, ordered=False, session=self.session)


def _named(path: Path | None, sessions: Iterable[Session]) -> set[str]:
    """Every item that a run's plan names."""
    activities = path.activities if path else ()
    named = {each.item_id for each in activities if each.item_id}
    return named.union(*(session.mentions for session in sessions))
