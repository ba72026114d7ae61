"""The library's documents in MongoDB.

| collection | one document is | its id |
|---|---|---|
| items | a work, and a `job` (chassis/jobs) while it is verified | made by the server |
| uploads | the upload of a file | made by the server |
| files | the file that all items with the same bytes share | SHA-256 and size of the bytes |
| processings | how far an item's renditions are, and a `job` until all are made | the item's |
| playlists | the HLS playlist of a file | SHA-256 and size of its bytes |
| feeds | a podcast feed of a run, for one reader | made by the server |
| quotas | the quota of a run; how often room was looked for | the run's; feeds:<reader> |
| packs | an offline pack, and a `job` until it is made | a hash of its content |
| rubbish | a pending deletion in the S3 store | the file's key |
| copies | a file whose pending deletion is due later | the file's key |
| enrolments, staff | replicas: enrolments, staff | run:learner; a run's |
| shelves | what a run's path names, or what a session gave to study | the run's; session:<id> |
| archive_keys | the key of a person in the archive (chassis/archive/keys.py) | the person's; "" |
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReplaceOne, UpdateOne

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data.staff import members_of
from chassis.data.transactions import inserting
from services.library.domain.entitlements import Enrolment, RunReadingList, SessionItems
from services.library.domain.enums import EnrolmentState, ItemState, PackState, UploadState
from services.library.domain.feeds import Feed
from services.library.domain.files import SharedFile
from services.library.domain.items import Item, PendingDeletion, Rendition, Upload
from services.library.domain.oai import is_public
from services.library.domain.packs import Pack
from services.library.domain.processing import Processing, Progress
from services.library.domain.quotas import COUNTED, RunUsage
from services.library.domain.types import may_play
from services.library.migrations import (
    DOCUMENTS,
    FILMS,
    LARGE,
    LARGEST_SMALL,
    MIGRATIONS,
    PACKS,
    SMALL,
)
from services.library.ports import IndexPosition
from services.library.store_recordings import RECORDING, RecordingShelves

Document = dict[str, Any]
SOME, FEW = 1000, 10
SESSION = "session:"
"""Begins the id of a session's shelf."""
# An api of the older version, beside this one, reads each item from a file of its own, and its URLs
# are valid for up to a week.
COPIES_KEPT = timedelta(days=14)


class LibraryStore(RecordingShelves):
    """One unit of work's view of the library's database."""

    service = "library"
    migrations = MIGRATIONS

    def item(self, item_id: str) -> Item | None:
        """Return an item; None if there is none."""
        found = self["items"].find_one({"_id": item_id}, session=self.session)
        return from_document(found, Item) if found else None

    def newest_after(self, item_id: str) -> str:
        """Return the id of the newest AVAILABLE version after an item; "" if there is none."""
        query = {"predecessors": item_id, "state": ItemState.AVAILABLE}
        newest = [("_id", -1)]  # ids are in the order of time
        found = self["items"].find_one(query, {"_id": 1}, sort=newest, session=self.session)
        return found["_id"] if found else ""

    def put_item(self, item: Item) -> None:
        """Store an item, new or changed; with a job while it is to be verified, and marked as one
        that was public as soon as it is public.

        `changed_at` is of the system's clock: readers of changes compare it with theirs.
        """
        document = {**to_document(item), "changed_at": datetime.now(UTC)}
        document["was_public"] = item.was_public or is_public(item.state, item.access)
        if item.state is ItemState.VERIFYING:
            lane = LARGE if item.promised.size > LARGEST_SMALL else SMALL
            document["job"] = jobs.waiting(lane, datetime.now(UTC))
        self["items"].replace_one({"_id": item.id}, document, upsert=True, session=self.session)

    def changed_items(self, item_ids: Collection[str]) -> list[tuple[Item, datetime]]:
        """Return the items with these ids that exist, each with when it was changed."""
        rows = self.find_by_ids("items", item_ids)
        # An older version, which runs during an upgrade, does not write when; `adopt` does.
        return [
            (from_document(row, Item), row["changed_at"]) for row in rows if "changed_at" in row
        ]

    def changes(self, after: IndexPosition, limit: int) -> list[tuple[datetime, str]]:
        """Return when items were changed last, with their ids: up to `limit` after a position."""
        later = [
            {"changed_at": after.changed_at, "_id": {"$gt": after.item_id}},
            {"changed_at": {"$gt": after.changed_at}},
        ]
        order = [("changed_at", 1), ("_id", 1)]
        # Only the fields of the index, so that no document is read.
        rows = self["items"].find({"$or": later}, {"changed_at": 1}, session=self.session)
        return [(row["changed_at"], row["_id"]) for row in rows.sort(order).limit(limit)]

    def upload(self, upload_id: str) -> Upload | None:
        """Return an upload; None if there is none."""
        found = self["uploads"].find_one({"_id": upload_id}, session=self.session)
        return from_document(found, Upload) if found else None

    def put_upload(self, upload: Upload) -> None:
        """Store an upload, new or changed."""
        self["uploads"].replace_one(
            {"_id": upload.id}, to_document(upload), upsert=True, session=self.session
        )

    def stale_uploads(self, before: datetime) -> list[Upload]:
        """Return some of the open uploads that were started before an instant."""
        query = {"state": UploadState.OPEN, "started_at": {"$lt": before}}
        rows = self["uploads"].find(query, session=self.session).limit(SOME)
        return [from_document(row, Upload) for row in rows]

    def has_open_upload(self, item_id: str) -> bool:
        """Return whether an item has an open upload."""
        query = {"item_id": item_id, "state": UploadState.OPEN}
        return self["uploads"].find_one(query, {"_id": 1}, session=self.session) is not None

    def discard(self, pending_deletion: PendingDeletion) -> None:
        """Add a pending deletion; one of the same item is replaced."""
        self["rubbish"].replace_one(
            {"_id": pending_deletion.id},
            to_document(pending_deletion),
            upsert=True,
            session=self.session,
        )

    def pending_deletions(self) -> list[PendingDeletion]:
        """Return some of the pending deletions that are due."""
        due = {"$or": [{"due": None}, {"due": {"$lte": self.now}}]}
        rows = self["rubbish"].find(due, session=self.session).limit(SOME)
        return [from_document(row, PendingDeletion) for row in rows]

    def forget(self, pending_deletion: PendingDeletion) -> None:
        """Remove a pending deletion from the list."""
        self["rubbish"].delete_one({"_id": pending_deletion.id}, session=self.session)

    def shared_file(self, content: str) -> SharedFile | None:
        """Return the file with these bytes; None if there is none."""
        found = self["files"].find_one({"_id": content}, session=self.session)
        return from_document(found, SharedFile) if found else None

    def lock_shared_file(self, content: str) -> SharedFile | None:
        """Return the file with these bytes, locked; None if there is none.

        The lock is a write: of an item that comes to share the file, and the last one that needs it
        and is retired, one sees the other.
        """
        found = self["files"].find_one_and_update(
            {"_id": content}, {"$inc": {"touched": 1}}, session=self.session
        )
        return from_document(found, SharedFile) if found else None

    def keep(self, key: str) -> bool:
        """Remove the pending deletion of a file; return whether there was one."""
        done = self["rubbish"].delete_one({"_id": key}, session=self.session)
        return done.deleted_count == 1

    def is_needed(self, file: Rendition) -> bool:
        """Return whether an AVAILABLE item has these bytes."""
        query = {
            "renditions.sha256": file.sha256,
            "renditions.size": file.size,
            "state": ItemState.AVAILABLE,
        }
        return self["items"].find_one(query, {"_id": 1}, session=self.session) is not None

    def remove_shared_file(self, file: SharedFile) -> None:
        """Forget which file has some bytes."""
        self["files"].delete_one({"_id": file.id}, session=self.session)

    def put_shared_file(self, file: SharedFile) -> None:
        """Store which file has some bytes, new or changed."""
        with inserting():  # another worker may have verified an item with the same bytes
            self["files"].replace_one(
                {"_id": file.id}, to_document(file), upsert=True, session=self.session
            )

    def discard_copy(self, key: str) -> None:
        """Add a pending deletion of a file that no item needs, due when nobody reads it.

        URLs expire by the S3 store's clock, so the system's clock is used, not the steered one.
        """
        due = {"_id": key, "due": datetime.now(UTC) + COPIES_KEPT}
        self["copies"].replace_one({"_id": key}, due, upsert=True, session=self.session)

    def release_copies(self, now: datetime) -> None:
        """Add pending deletions of some of the copies that are due."""
        rows = self["copies"].find({"due": {"$lte": now}}, session=self.session).limit(SOME)
        for row in rows:
            self.discard(PendingDeletion(id=row["_id"]))
            self["copies"].delete_one({"_id": row["_id"]}, session=self.session)

    def processing(self, item_id: str) -> Processing | None:
        """Return how far an item's renditions are; None if none is made."""
        found = self["processings"].find_one({"_id": item_id}, session=self.session)
        return from_document(found, Processing) if found else None

    def processings(self, item_ids: Collection[str]) -> list[Processing]:
        """Return how far the renditions of some items are."""
        rows = self.find_by_ids("processings", item_ids)
        return [from_document(row, Processing) for row in rows]

    def begin_processing(self, processing: Processing, media_type: str) -> None:
        """Store the processing of an item, with its job."""
        lane = FILMS if may_play(media_type) else DOCUMENTS
        document = {**to_document(processing), "job": jobs.waiting(lane, datetime.now(UTC))}
        self["processings"].replace_one(
            {"_id": processing.id}, document, upsert=True, session=self.session
        )

    def put_processing(self, processing: Processing) -> None:
        """Store the processing of an item after a step; its job is done with the last one."""
        document = to_document(processing)
        change: Document = {"$set": {key: document[key] for key in document if key != "_id"}}
        if processing.ended_at is not None:
            change["$unset"] = jobs.DONE
        self["processings"].update_one({"_id": processing.id}, change, session=self.session)

    def note_progress(self, item_id: str, claim: str, progress: Progress) -> None:
        """Store how far a step is, if the claim on its job still counts."""
        change = {"$set": {"progress": to_document(progress)}}
        self["processings"].update_one(jobs.ours(claim, [item_id]), change, session=self.session)

    def remove_processing(self, item_id: str) -> None:
        """Remove the processing of an item."""
        self["processings"].delete_one({"_id": item_id}, session=self.session)

    def processed_twin(self, item: Item) -> tuple[Item, Processing] | None:
        """Return another AVAILABLE item whose original has the same bytes and media type, with its
        processing, which has ended; None if there is none.
        """
        query = {
            "renditions.sha256": item.original.sha256,
            "state": ItemState.AVAILABLE,
            "_id": {"$ne": item.id},
        }
        rows = self["items"].find(query, session=self.session).limit(FEW)
        twins = (from_document(row, Item) for row in rows)
        same = {twin.id: twin for twin in twins if twin.original == item.original}
        ended = (each for each in self.processings(same) if each.ended_at is not None)
        return next(((same[each.id], each) for each in ended), None)

    def playlist(self, content: str) -> str:
        """Return the HLS playlist of a file with these bytes; "" if there is none."""
        found = self["playlists"].find_one({"_id": content}, session=self.session)
        return str(found["text"]) if found else ""

    def put_playlist(self, content: str, playlist: str) -> None:
        """Store the HLS playlist of a file with these bytes."""
        self["playlists"].replace_one(
            {"_id": content}, {"text": playlist}, upsert=True, session=self.session
        )

    def items(self, item_ids: Collection[str]) -> list[Item]:
        """Return the items with these ids that exist."""
        return [from_document(row, Item) for row in self.find_by_ids("items", item_ids)]

    def items_for_run(self, run_id: str, limit: int) -> list[str]:
        """Return the ids of AVAILABLE items that are for the learners of a run, oldest first."""
        query = {"run_ids": run_id, "state": ItemState.AVAILABLE}
        rows = self["items"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("_id", 1).limit(limit)]

    def pack(self, pack_id: str) -> Pack | None:
        """Return an offline pack; None if there is none."""
        found = self["packs"].find_one({"_id": pack_id}, session=self.session)
        return from_document(found, Pack) if found else None

    def begin_pack(self, pack: Pack) -> None:
        """Store a pack that is to be made, with its job."""
        document = {**to_document(pack), "job": jobs.waiting(PACKS, datetime.now(UTC))}
        with inserting():  # many learners ask at once
            self["packs"].replace_one({"_id": pack.id}, document, upsert=True, session=self.session)

    def put_pack(self, pack: Pack) -> None:
        """Store a pack that was changed; its job is done when it is not WAITING any more."""
        document = to_document(pack)
        change: Document = {"$set": {key: document[key] for key in document if key != "_id"}}
        if pack.state is not PackState.WAITING:
            change["$unset"] = jobs.DONE
        self["packs"].update_one({"_id": pack.id}, change, session=self.session)

    def note_asked(self, pack_id: str) -> None:
        """Store that somebody asked for a pack now."""
        self["packs"].update_one(
            {"_id": pack_id}, {"$max": {"asked_at": self.now}}, session=self.session
        )

    def end_pack_job(self, pack_id: str) -> None:
        """Remove the job of a pack that is not to be made any more."""
        self["packs"].update_one(
            {"_id": pack_id, "state": {"$ne": PackState.WAITING}},
            {"$unset": jobs.DONE},
            session=self.session,
        )

    def stale_packs(self, before: datetime) -> list[str]:
        """Return the ids of some packs for which nobody asked since an instant."""
        query = {"asked_at": {"$lt": before}}
        rows = self["packs"].find(query, {"_id": 1}, session=self.session).limit(SOME)
        return [row["_id"] for row in rows]

    def remove_pack(self, pack_id: str) -> None:
        """Forget a pack."""
        self["packs"].delete_one({"_id": pack_id}, session=self.session)

    def quota(self, run_id: str) -> int:
        """Return a run's own quota in bytes; 0 if it has none."""
        found = self["quotas"].find_one({"_id": run_id}, session=self.session)
        return int(found.get("limit", 0)) if found else 0

    def put_quota(self, run_id: str, limit: int) -> None:
        """Store a run's own quota in bytes; 0: it has none."""
        self._set_quota(run_id, {"$set": {"limit": limit}})

    def take_turn(self, limited: str) -> None:
        """Let other units of work that look for room in the same wait for this one's end.
        `limited`: a run's id, or another name that no run has.

        In other processes they conflict, because each changes the same document.
        """
        self.contends_for("quota", limited)
        self._set_quota(limited, {"$inc": {"turns": 1}})

    def _set_quota(self, run_id: str, change: Document) -> None:
        with inserting():
            self["quotas"].update_one({"_id": run_id}, change, upsert=True, session=self.session)

    def usage(self, run_id: str, limit: int) -> RunUsage:
        """Return what a run's items use."""
        rows = self["items"].aggregate(_usage(run_id), session=self.session)
        found = next(rows, {"items": 0, "used": 0, "open": 0})
        return RunUsage(
            run_id=run_id,
            items=found["items"],
            used=found["used"],
            open=found["open"],
            limit=limit,
        )

    def runs_of(self, learner_id: str) -> list[str]:
        """Return the ids of the runs in which a learner holds a place."""
        rows = self["enrolments"].find(
            {"learner_id": learner_id, "state": EnrolmentState.ENROLLED},
            {"_id": 0, "run_id": 1},  # the fields of the index
            session=self.session,
        )
        return [row["run_id"] for row in rows]

    def staffed_by(self, person_id: str) -> list[str]:
        """Return the ids of the runs where a person is staff."""
        return list(members_of(self, person_id))

    def names(self, run_ids: Collection[str], item_ids: Collection[str]) -> bool:
        """Return whether the path or a session of one of these runs names one of these items."""
        query = {"item_ids": {"$in": list(item_ids)}, **_of_runs(run_ids)}
        return self["shelves"].find_one(query, {"_id": 1}, session=self.session) is not None

    def reading_list_items(self, run_ids: Collection[str]) -> list[str]:
        """Return the ids of the items that the paths and sessions of these runs name."""
        rows = self["shelves"].find(_of_runs(run_ids), {"item_ids": 1}, session=self.session)
        return [item_id for row in rows for item_id in row["item_ids"]]

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> list[Enrolment]:
        """Return the known enrolments for these pairs of run and learner."""
        ids = [f"{run_id}:{learner_id}" for run_id, learner_id in keys]
        rows = self.find_by_ids("enrolments", ids)
        return [from_document(row, Enrolment) for row in rows]

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store enrolments, new or changed."""
        writes = [
            ReplaceOne({"_id": f"{row.run_id}:{row.learner_id}"}, to_document(row), upsert=True)
            for row in enrolments
        ]
        if writes:
            self["enrolments"].bulk_write(writes, ordered=False, session=self.session)

    def add_session_items(self, given: Iterable[SessionItems]) -> None:
        """Add items that sessions gave to study; a repeat changes nothing."""
        writes = [
            UpdateOne(
                {"_id": f"{SESSION}{each.session_id}"},
                [
                    {
                        "$set": {
                            "run_id": {"$literal": each.run_id},
                            "activity_id": {"$literal": each.activity_id},
                            "item_ids": _with("$item_ids", each.item_ids),
                        }
                    }
                ],
                upsert=True,
            )
            for each in given
        ]
        if writes:
            self["shelves"].bulk_write(writes, ordered=False, session=self.session)

    def session_items(self, run_id: str) -> list[SessionItems]:
        """Return what the sessions of a run gave to study, in the order of their ids."""
        rows = self["shelves"].find({"run_id": run_id}, session=self.session).sort("_id")
        return [_given(row) for row in rows]

    def reading_list(self, run_id: str) -> RunReadingList | None:
        """Return a run's reading list; None if it is not known."""
        found = self["shelves"].find_one({"_id": run_id}, session=self.session)
        return from_document(found, RunReadingList) if found else None

    def put_reading_list(self, reading_list: RunReadingList) -> None:
        """Store a run's reading list."""
        self["shelves"].replace_one(
            {"_id": reading_list.run_id},
            to_document(reading_list),
            upsert=True,
            session=self.session,
        )

    def feed(self, feed_id: str) -> Feed | None:
        """Return a podcast feed, also one that is revoked; None if there is none."""
        found = self["feeds"].find_one({"_id": feed_id}, session=self.session)
        return from_document(found, Feed) if found else None

    def open_feeds(self, reader_id: str) -> int:
        """Return how many feeds a reader has that are not revoked."""
        query = {"reader_id": reader_id, "revoked_at": None}
        return self["feeds"].count_documents(query, session=self.session)

    def put_feed(self, feed: Feed) -> None:
        """Store a podcast feed, new or changed."""
        self["feeds"].replace_one(
            {"_id": feed.id}, to_document(feed), upsert=True, session=self.session
        )


def _usage(run_id: str) -> list[Document]:
    """Return a pipeline for how many items of a run count, and for their bytes."""
    size, is_available = "$promised.size", {"$eq": ["$state", ItemState.AVAILABLE]}
    return [
        {"$match": {"run_ids": run_id, "state": {"$in": list(COUNTED)}}},
        {
            "$group": {
                "_id": None,
                "items": {"$sum": 1},
                "used": {"$sum": size},
                "open": {"$sum": {"$cond": [is_available, 0, size]}},
            }
        },
    ]


def _given(row: Document) -> SessionItems:
    session_id = row["_id"].removeprefix(SESSION).removeprefix(RECORDING)
    return from_document({**row, "session_id": session_id}, SessionItems)


def _of_runs(run_ids: Collection[str]) -> Document:
    """Return the filter for the shelves of runs: their paths', and their sessions'."""
    among = {"$in": list(run_ids)}
    return {"$or": [{"_id": among}, {"run_id": among}]}


def _with(field: str, ids: Collection[str]) -> Document:
    """Return a pipeline expression for a field's ids and some more, each once, in order."""
    # As literals: an id may begin with "$", which would name a field here.
    union = {"$setUnion": [{"$ifNull": [field, []]}, {"$literal": list(ids)}]}
    return {"$sortArray": {"input": union, "sortBy": 1}}
