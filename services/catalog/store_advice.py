"""Advice on delivery in MongoDB.

| collection | one document is | its id |
|---|---|---|
| availability | when a person can teach: a replica of what sessions tells | the person's |
| draft_paths | the draft of a run's path | the run's |
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pymongo import ReplaceOne

from chassis.contracts.mapping import from_document, to_document
from chassis.replicas import Replica
from services.catalog.domain.advice import Wishes
from services.catalog.domain.availability import Availability
from services.catalog.domain.drafts import DraftPath
from services.catalog.domain.enums import AttendanceMode, EnrolmentState
from services.catalog.store_imports import ImportStore

C = TypeVar("C", bound=Replica)
REPLICAS: Mapping[type, str] = {Availability: "availability"}
IN = {"$in": [EnrolmentState.ENROLLED, EnrolmentState.WAITLISTED]}


class AdviceStore(ImportStore):
    """The part of the store for advice on delivery."""

    def replicas(self, cls: type[C], ids: Iterable[str]) -> Mapping[str, C]:
        """Return the known replicas of one class, by id."""
        rows = self.find_by_ids(REPLICAS[cls], ids)
        return {row["_id"]: from_document(row, cls) for row in rows}

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class, new or changed."""
        documents = [to_document(each) for each in replicas]
        if documents:
            writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
            self[REPLICAS[type(replicas[0])]].bulk_write(
                writes, ordered=False, session=self.session
            )

    def wishes(self, run_id: str) -> Wishes:
        """Return how many learners of a run wish what, those who wait for a place too; from an
        index only.
        """
        rows = self["enrolments"].aggregate(wish_stages(run_id), session=self.session)
        counts = {row["_id"]: row["count"] for row in rows}
        return Wishes(
            classroom=counts.get(AttendanceMode.CLASSROOM, 0),
            online=counts.get(AttendanceMode.ONLINE, 0),
            self_paced=counts.get(AttendanceMode.SELF_PACED, 0),
            undecided=counts.get(None, 0),
        )

    def draft_path(self, run_id: str) -> DraftPath | None:
        """Return the draft of a run's path; None if there is none."""
        found = self["draft_paths"].find_one({"_id": run_id}, session=self.session)
        return from_document(found, DraftPath) if found else None

    def put_draft_path(self, draft: DraftPath) -> None:
        """Store a draft, in place of the run's draft before."""
        self["draft_paths"].replace_one(
            {"_id": draft.run_id}, to_document(draft), upsert=True, session=self.session
        )


def wish_stages(run_id: str) -> list[dict[str, Any]]:
    """Return the aggregation that counts what learners of a run wish."""
    return [
        {"$match": {"run_id": run_id, "state": IN}},
        {"$group": {"_id": "$preference", "count": {"$sum": 1}}},
    ]
