"""The LRS's statements in MongoDB (docs/decisions/0061).

A row of `statements` has, beside the fields of a statement of ours (store.py):

| field | what |
|---|---|
| raw | the JSON that GET answers; what came by RecordStatements has none, and is rendered |
| keys | the index keys by which queries find it |
| hidden | of a voided statement: its keys, so that no query finds it |
| cursor | its place in the order of storing |
| target | the statement that it refers to, if any |
| voiding, voided, within | see domain/xapi/voiding.py |
| attachments, attached | the SHA-2 hashes of the data that came with it, and their bytes |
| awaited | true: not stored yet, but others refer to it; the row has nothing else |

| collection | one document is | its id |
|---|---|---|
| attachments | the data of an attachment | its SHA-2 hash |
| storing | a unit of work that is about to store statements | a new id |
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne, UpdateOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data.store import Store
from chassis.data.transactions import inserting
from services.progress import metrics
from services.progress.domain.statements import Statement
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.domain.xapi.cursors import cursor_of, first_after
from services.progress.domain.xapi.index_keys import OWN, keys_of
from services.progress.domain.xapi.queries import Query
from services.progress.domain.xapi.rendering import rendered
from services.progress.domain.xapi.storing import Data, Known, Row, written
from services.progress.domain.xapi.voiding import Link
from services.progress.store_announcements import oldest_begun

Document = dict[str, Any]
INDEX = [("keys", ASCENDING), ("cursor", ASCENDING)]
VOIDED_INDEX = [("voided", ASCENDING), ("_id", ASCENDING)]
LINK = dict.fromkeys(("keys", "hidden", "target", "voiding", "voided", "within", "awaited"), 1)
UNREAD = dict.fromkeys(("keys", "hidden"), 0)
MOST_REFERRERS = 1_000
"""Statements that came before their target and are then found by what finds it."""
PAGE_BYTES = 4 << 20
"""A page ends when its statements, and the data of attachments that it has, have so many bytes."""
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A stored statement, as GET needs it."""

    id: str
    raw: bytes
    stored: datetime
    cursor: bytes
    attachments: tuple[str, ...]
    keys: frozenset[bytes] = frozenset()
    is_voided: bool = False


class XapiStatements(Store):
    """The part of the store with the LRS's statements."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._awaited: set[str] = set()
        self._salt, self._stored = os.urandom(6), 0

    # Storing

    def statements(self, ids: Iterable[str]) -> dict[str, Statement | None]:
        """Return the stored statements, by id; None for those that are none of ours."""
        return {row["_id"]: _ours(row) for row in self._rows(ids, raw=0)}

    def known_statements(self, ids: Iterable[str]) -> dict[str, Known]:
        """Return what is stored with these ids."""
        rows = self._rows(ids)
        return {row["_id"]: Known(bytes(row.get("raw", b"")), _ours(row)) for row in rows}

    def _rows(self, ids: Iterable[str], **without: int) -> Iterator[Document]:
        """Yield the rows of stored statements, and remember which are awaited."""
        for row in self.find_by_ids("statements", ids, projection={"keys": 0, **without}):
            if row.get("awaited"):
                self._awaited.add(row["_id"])
            else:
                yield row

    def add_statements(self, statements: Sequence[Statement]) -> None:
        """Store new statements of ours, with the present time."""
        self._add([_grpc_row(each) for each in statements])

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Store new statements of the LRS, with the present time."""
        self._add([_lrs_row(each) for each in rows])
        ours = sum(row.statement is not None for row in rows)
        for kind, count in (("progress", ours), ("other", len(rows) - ours)):
            self.on_commit(partial(metrics.LRS_STATEMENTS.labels(kind).inc, count))

    def _add(self, rows: Sequence[Document]) -> None:
        for row in rows:
            row["stored_at"] = self.now
            row["cursor"] = cursor_of(self.now, self._salt, self._stored)
            self._stored += 1
        self.insert("statements", [row for row in rows if row["_id"] not in self._awaited])
        late = [row for row in rows if row["_id"] in self._awaited]
        if late:
            writes = [ReplaceOne({"_id": row["_id"], "awaited": True}, row) for row in late]
            self["statements"].bulk_write(writes, session=self.session)

    def voided(self, ids: Iterable[str]) -> set[str]:
        """Return which of these statements are voided."""
        query = {"voided": True, "_id": {"$in": list(ids)}}
        rows = self["statements"].find(query, {"_id": 1}, session=self.session).hint(VOIDED_INDEX)
        return {row["_id"] for row in rows}

    def came_late(self, ids: Iterable[str]) -> list[str]:
        """Return those of these new statements that others referred to before they came."""
        return [id_ for id_ in ids if id_ in self._awaited]

    def add_attachments(self, data: Mapping[str, Data]) -> None:
        """Store the data of attachments, by SHA-2 hash; what is stored already stays."""
        writes = [
            UpdateOne(
                {"_id": sha2},
                {"$setOnInsert": {"content": each.content, "media_type": each.media_type}},
                upsert=True,
            )
            for sha2, each in data.items()
        ]
        if writes:
            with inserting():
                self["attachments"].bulk_write(writes, ordered=False, session=self.session)

    # References

    def links(self, ids: Iterable[str]) -> dict[str, Link]:
        """Return the links of stored statements, by id."""
        rows = self.find_by_ids("statements", ids, projection=LINK)
        return {row["_id"]: _link(row) for row in rows if not row.get("awaited")}

    def referrers(self, ids: Collection[str]) -> dict[str, Link]:
        """Return the links of statements that refer to these; at most `MOST_REFERRERS`."""
        if not ids:
            return {}
        query = {"target": {"$in": list(ids)}}
        rows = self["statements"].find(query, LINK, session=self.session).limit(MOST_REFERRERS)
        return {row["_id"]: _link(row) for row in rows}

    def put_links(self, before: Mapping[str, Link], after: Mapping[str, Link]) -> None:
        """Store changed links."""
        writes = []
        for id_, link in after.items():
            if more := link.keys - before[id_].keys:
                field = "hidden" if before[id_].is_voided else "keys"
                added = {"$addToSet": {field: {"$each": list(more)}}}
                writes.append(UpdateOne({"_id": id_}, added))
            if link.is_voided and not before[id_].is_voided:
                hide: Document = {"$rename": {"keys": "hidden"}, "$set": {"voided": True}}
                writes.append(UpdateOne({"_id": id_}, hide))
        if writes:
            self["statements"].bulk_write(writes, session=self.session)

    def await_statements(self, ids: Collection[str]) -> None:
        """Note that stored statements refer to these, which are not stored yet.

        If one is stored at the same time, one of both units of work starts again.
        """
        wanted = {row["_id"] for row in self.find_by_ids("statements", ids, projection={"_id": 1})}
        self.insert("statements", [{"_id": id_, "awaited": True} for id_ in set(ids) - wanted])

    # Reading

    def stored_statement(self, id_: str, base: str) -> StoredStatement | None:
        """Return a stored statement, voided or not; None if there is none."""
        row = self["statements"].find_one({"_id": id_}, session=self.session)
        return _stored(row, base) if row and not row.get("awaited") else None

    def statements_page(
        self, query: Query, base: str, through: datetime
    ) -> tuple[list[StoredStatement], bool]:
        """Return a page of what was stored at `through` or before, and whether there is more."""
        direction = ASCENDING if query.ascending else DESCENDING
        found = self["statements"].find(page_filter(query, through), UNREAD, session=self.session)
        found = found.sort("cursor", direction).hint(INDEX)
        page: list[StoredStatement] = []
        size = 0
        for row in found.limit(query.limit + 1).batch_size(query.limit + 2):
            if len(page) == query.limit or size > PAGE_BYTES:
                return page, True
            page.append(_stored(row, base))
            size += len(page[-1].raw) + (row.get("attached", 0) if query.attachments else 0)
        return page, False

    def attachments(self, hashes: Iterable[str]) -> dict[str, Data]:
        """Return the data of attachments, by SHA-2 hash."""
        rows = self.find_by_ids("attachments", hashes)
        return {row["_id"]: Data(bytes(row["content"]), row["media_type"]) for row in rows}

    def consistent_through(self) -> datetime:
        """Return until when all statements that were or will be stored can be read."""
        return oldest_begun(self) - _MILLISECOND


def page_filter(query: Query, through: datetime) -> Document:
    """Return the filter of a query: all of its clauses, within a range of cursors."""
    last = min(query.until or through, through)
    above, below = [first_after(query.since)] if query.since else [], [first_after(last)]
    if query.after:
        (above if query.ascending else below).append(query.after)
    cursor: Document = {"$lt": min(below)}
    if above:
        # What was stored after `since` has a cursor from the bound on; a page goes on after it.
        operator = "$gt" if query.after and query.ascending else "$gte"
        cursor[operator] = max(above)
    return {"$and": [_clause(keys) for keys in query.clauses], "cursor": cursor}


def index_fields(row: Mapping[str, Any]) -> Document:
    """Return the fields by which the LRS finds a statement that an older version stored."""
    statement = from_document(row, Statement)
    salt = sha256(statement.id.encode()).digest()
    stored = row.get("stored_at", statement.timestamp)
    cursor = cursor_of(stored, salt[:6], int.from_bytes(salt[6:8]))
    return {"keys": _own_keys(statement), "cursor": cursor}


def _ours(row: Mapping[str, Any]) -> Statement | None:
    return from_document(row, Statement) if "learner_id" in row else None


def _own_keys(statement: Statement) -> list[bytes]:
    return keys_of(rendered(statement, OWN), OWN)


def _grpc_row(statement: Statement) -> Document:
    return to_document(statement) | {"keys": _own_keys(statement)}


def _lrs_row(row: Row) -> Document:
    link = row.link
    document: Document = to_document(row.statement) if row.statement else {"_id": link.id}
    document |= {"raw": row.raw, "keys": list(link.keys)}
    if link.target:
        within = [list(keys) for keys in link.within]
        document |= {"target": link.target, "voiding": link.is_voiding, "within": within}
    if row.attachments:
        document |= {"attachments": list(row.attachments), "attached": row.attached}
    return document


def _link(row: Mapping[str, Any]) -> Link:
    return Link(
        row["_id"],
        frozenset(row.get("keys", row.get("hidden", ()))),
        target=row.get("target", ""),
        is_voiding=row.get("voiding", False),
        is_voided=row.get("voided", False),
        within=tuple(frozenset(keys) for keys in row.get("within", ())),
    )


def _stored(row: Mapping[str, Any], base: str) -> StoredStatement:
    return StoredStatement(
        row["_id"],
        bytes(row["raw"]) if "raw" in row else _rendered(row, base),
        row["stored_at"],
        bytes(row.get("cursor", b"")),
        tuple(row.get("attachments", ())),
        frozenset(row.get("keys", row.get("hidden", ()))),
        row.get("voided", False),
    )


def _rendered(row: Mapping[str, Any], base: str) -> bytes:
    stored = {"stored": timestamp_text(row["stored_at"])}
    return written(rendered(from_document(row, Statement), base) | stored)


def _clause(keys: Sequence[bytes]) -> Document:
    return {"keys": keys[0] if len(keys) == 1 else {"$in": keys}}
