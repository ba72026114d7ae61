"""The library's documents in MongoDB.

| collection | one document is | its id |
|---|---|---|
| items | a work with its state; `claimed_until` and failed `tries` of verification | the server's |
| uploads | a file on its way | the server's |
| rubbish | what is to be removed from the store of files | the item's |
| enrolments, shelves | copies of what catalog told | run:learner; the run's |
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReplaceOne, ReturnDocument

from chassis import store as chassis_store
from chassis.mapping import from_document, to_document
from services.library.domain.entitlements import Enrolment, Shelf
from services.library.domain.items import Item, Rubbish, Upload
from services.library.domain.verification import wait_after
from services.library.domain.words import EnrolmentState, ItemState, UploadState
from services.library.migrations import MIGRATIONS

Document = dict[str, Any]
SOME = 1000


class LibraryStore(chassis_store.Store):
    """One unit of work's view of the library's database."""

    service = "library"
    migrations = MIGRATIONS

    def item(self, item_id: str) -> Item | None:
        """An item by its id."""
        found = self["items"].find_one({"_id": item_id}, session=self.session)
        return from_document(found, Item) if found else None

    def put_item(self, item: Item) -> None:
        """Keep an item, new or changed; whoever verified it lets it go by that."""
        document = to_document(item)
        self["items"].replace_one({"_id": item.id}, document, upsert=True, session=self.session)

    def upload(self, upload_id: str) -> Upload | None:
        """An upload by its id."""
        found = self["uploads"].find_one({"_id": upload_id}, session=self.session)
        return from_document(found, Upload) if found else None

    def put_upload(self, upload: Upload) -> None:
        """Keep an upload, new or changed."""
        self["uploads"].replace_one(
            {"_id": upload.id}, to_document(upload), upsert=True, session=self.session
        )

    def stale_uploads(self, before: datetime) -> list[Upload]:
        """Some of the open uploads that were started before an instant."""
        query = {"state": UploadState.OPEN, "started_at": {"$lt": before}}
        rows = self["uploads"].find(query, session=self.session).limit(SOME)
        return [from_document(row, Upload) for row in rows]

    def has_open_upload(self, item_id: str) -> bool:
        """Whether an item is on its way."""
        query = {"item_id": item_id, "state": UploadState.OPEN}
        return self["uploads"].find_one(query, {"_id": 1}, session=self.session) is not None

    def discard(self, rubbish: Rubbish) -> None:
        """Let it be removed from the store of files, once committed."""
        self["rubbish"].replace_one(
            {"_id": rubbish.id}, to_document(rubbish), upsert=True, session=self.session
        )

    def rubbish(self) -> list[Rubbish]:
        """Some of what is to be removed."""
        rows = self["rubbish"].find({}, session=self.session).limit(SOME)
        return [from_document(row, Rubbish) for row in rows]

    def forget(self, rubbish: Rubbish) -> None:
        """It is removed."""
        self["rubbish"].delete_one({"_id": rubbish.id}, session=self.session)

    def claim(self, lasting: timedelta, up_to: int | None = None) -> Item | None:
        """An item to verify (of up to so many bytes), ours for a while of the system's time.

        A dead claim ends by itself.
        """
        now = datetime.now(UTC)
        query: Document = {
            "state": ItemState.VERIFYING,
            "$or": [{"claimed_until": None}, {"claimed_until": {"$lt": now}}],
        }
        if up_to is not None:
            query["promised.size"] = {"$lte": up_to}
        found = self["items"].find_one_and_update(
            query,
            {"$set": {"claimed_until": now + lasting}},
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        return from_document(found, Item) if found else None

    def extend_claim(self, item_id: str, lasting: timedelta) -> None:
        """Keep an item that takes long."""
        self["items"].update_one(
            {"_id": item_id, "state": ItemState.VERIFYING},
            {"$set": {"claimed_until": datetime.now(UTC) + lasting}},
            session=self.session,
        )

    def put_off(self, item_id: str) -> None:
        """Let an item that could not be looked at wait for its next try, and others have theirs."""
        mine = {"_id": item_id, "state": ItemState.VERIFYING}
        found = self["items"].find_one_and_update(
            mine,
            {"$inc": {"tries": 1}},
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        if found:
            self.extend_claim(item_id, wait_after(found["tries"]))

    def runs_of(self, learner_id: str) -> list[str]:
        """The runs in which a learner holds a place."""
        rows = self["enrolments"].find(
            {"learner_id": learner_id, "state": EnrolmentState.ENROLLED},
            {"run_id": 1},
            session=self.session,
        )
        return [row["run_id"] for row in rows]

    def runs_with(self, item_id: str) -> list[str]:
        """The runs whose path names an item."""
        rows = self["shelves"].find({"item_ids": item_id}, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows]

    def shelved_in(self, run_ids: Collection[str]) -> list[str]:
        """The items that the paths of some runs name."""
        rows = self["shelves"].find({"_id": {"$in": list(run_ids)}}, session=self.session)
        return [item_id for row in rows for item_id in row["item_ids"]]

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> list[Enrolment]:
        """What is known of (run, learner)."""
        ids = [f"{run_id}:{learner_id}" for run_id, learner_id in keys]
        rows = self["enrolments"].find({"_id": {"$in": ids}}, session=self.session)
        return [from_document(row, Enrolment) for row in rows]

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Keep what catalog told."""
        writes = [
            ReplaceOne({"_id": f"{row.run_id}:{row.learner_id}"}, to_document(row), upsert=True)
            for row in enrolments
        ]
        if writes:
            self["enrolments"].bulk_write(writes, ordered=False, session=self.session)

    def shelf(self, run_id: str) -> Shelf | None:
        """The items of a run's path."""
        found = self["shelves"].find_one({"_id": run_id}, session=self.session)
        return from_document(found, Shelf) if found else None

    def put_shelf(self, shelf: Shelf) -> None:
        """Keep what catalog told."""
        self["shelves"].replace_one(
            {"_id": shelf.run_id}, to_document(shelf), upsert=True, session=self.session
        )
