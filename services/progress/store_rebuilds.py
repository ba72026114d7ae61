"""Rebuilds in MongoDB, and the statements of whole learners."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from pymongo import ASCENDING

from chassis.contracts.mapping import from_document, to_document
from chassis.data.store import Store
from services.progress.domain.enums import Key
from services.progress.domain.rebuilding import Rebuild
from services.progress.domain.statements import Statement, Stored


class RebuildsRows(Store):
    """The rebuilds of progress' database."""

    def rebuild_of(self, run_id: str) -> Rebuild | None:
        """Return the latest rebuild of a run; None if there was none."""
        row = self["rebuilds"].find_one({"_id": run_id}, session=self.session)
        return from_document(row, Rebuild) if row else None

    def put_rebuild(self, rebuild: Rebuild) -> None:
        """Store a rebuild in the place of an earlier one of its run."""
        row = to_document(rebuild)
        self["rebuilds"].replace_one({"_id": rebuild.id}, row, upsert=True, session=self.session)

    def next_rebuild(self) -> str | None:
        """Return the run whose rebuild is under way for longest."""
        rows = self["rebuilds"].find({"finished_at": None}, {"_id": 1}, session=self.session)
        row = next(iter(rows.sort("requested_at", ASCENDING).limit(1)), None)
        return row["_id"] if row else None

    def learners_after(self, run_id: str, learner_id: str, most: int) -> Sequence[Key]:
        """Return learners of a run of whom anything is known, by id, after one id."""
        query = {"run_id": run_id, "learner_id": {"$gt": learner_id}}
        rows = self["standings"].find(query, {"learner_id": 1}, session=self.session)
        rows = rows.sort("learner_id", ASCENDING).limit(most)
        return [(run_id, row["learner_id"]) for row in rows]

    def statements_of(self, keys: Collection[Key]) -> dict[Key, list[Stored]]:
        """Return all stored statements of each learner in a run, without voided ones; nothing of
        who has none.
        """
        found: dict[Key, list[Stored]] = defaultdict(list)
        for run_id, learner_id in keys:
            query = {"learner_id": learner_id, "run_id": run_id, "voided": {"$ne": True}}
            for row in self["statements"].find(query, session=self.session):
                stored = Stored(from_document(row, Statement), row["stored_at"])
                found[run_id, learner_id].append(stored)
        return found
