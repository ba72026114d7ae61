"""The LRS's documents in MongoDB.

| collection | one document is | its id |
|---|---|---|
| xapi_documents | a document of an activity or an agent | its context and its id |
| xapi_rooms | how much the documents of an owner take | the owner: an agent or an activity |

Two units of work over one owner's documents conflict, because each writes what these take.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bson import Binary

from chassis.data import store as chassis_store
from chassis.data.transactions import inserting
from services.progress.domain.xapi.documents import (
    Content,
    Context,
    Document,
    DocumentKey,
    Kind,
    Room,
)
from services.progress.ports_documents import Listed

Row = dict[str, Any]
# All that a list of documents needs is in the index, so that no content is read for it.
_LISTED = ("kind", "agent", "activity_id", "updated", "registration", "name", "size")


class DocumentsStore(chassis_store.Store):
    """The part of the store with the LRS's documents."""

    def document(self, key: DocumentKey) -> Document | None:
        """Return a document; None if there is none."""
        row = self["xapi_documents"].find_one({"_id": _id(key)}, session=self.session)
        if row is None:
            return None
        return Document(key, Content(bytes(row["content"]), row["media_type"]), row["updated"])

    def documents(self, context: Context, since: datetime | None = None) -> Sequence[Listed]:
        """Return the documents of a context that were stored or changed after `since`, by id; of
        all registrations if it names none.
        """
        query = _context(context)
        if not context.registration:
            del query["registration"]
        if since is not None:
            query["updated"] = {"$gt": since}
        rows = self["xapi_documents"].find(
            query, {"_id": 0, **dict.fromkeys(_LISTED, 1)}, session=self.session
        )
        return sorted(_listed(rows), key=lambda each: each.key.id)

    def put_document(self, key: DocumentKey, content: Content, *, new: bool) -> None:
        """Store a document, with the present time."""
        row = {
            "_id": _id(key),
            **_id(key),
            "content": Binary(content.body),
            "size": len(content.body),
            "media_type": content.media_type,
            "updated": self.now,
        }
        if new:
            self.insert("xapi_documents", [row])
        else:
            self["xapi_documents"].replace_one({"_id": row["_id"]}, row, session=self.session)

    def remove_documents(self, keys: Sequence[DocumentKey]) -> None:
        """Delete documents."""
        query = {"_id": {"$in": [_id(key) for key in keys]}}
        self["xapi_documents"].delete_many(query, session=self.session)

    def room_taken(self, owner: tuple[str, str]) -> Room:
        """Return how much the documents of an owner take."""
        row = self["xapi_rooms"].find_one({"_id": _owner(owner)}, session=self.session)
        return Room(row["documents"], row["size"]) if row else Room()

    def take_room(self, owner: tuple[str, str], more: Room) -> None:
        """Count what an owner's documents take more than before, or less."""
        more_of_each = {"$inc": {"documents": more.documents, "size": more.size}}
        with inserting():
            self["xapi_rooms"].update_one(
                {"_id": _owner(owner)}, more_of_each, upsert=True, session=self.session
            )


def _context(context: Context) -> Row:
    return {
        "kind": context.kind.value,
        "agent": context.agent,
        "activity_id": context.activity_id,
        "registration": context.registration,
    }


def _id(key: DocumentKey) -> Row:
    return {**_context(key.context), "name": key.id}


def _owner(owner: tuple[str, str]) -> Row:
    kind, name = owner
    return {"kind": kind, "name": name}


def _listed(rows: Any) -> Iterator[Listed]:
    for row in rows:
        context = Context(Kind(row["kind"]), row["activity_id"], row["agent"], row["registration"])
        yield Listed(DocumentKey(context, row["name"]), row["size"], row["updated"])
