"""Imports and external ids in MongoDB.

| collection | one document is | its id |
|---|---|---|
| links | an external id: what a row of a source is here | source/file/sourcedId |
| imports | an import, with its job while a worker is to work on it | made by the server |
| import_parts | 1 MiB of an import's file; removed when it ends, or after 7 days | import:offset |
| import_chunks | rows of an import in one part; kept for 90 days | plan:order |
| import_turns | which import of a source is at work: one at a time | source |
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from chassis.contracts.mapping import from_document, to_document
from chassis.data import store as chassis_store
from chassis.errors import FieldViolation
from chassis.jobs import DONE, waiting
from services.catalog.domain.oneroster.facts import TYPES, Facts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.imports import AT_WORK, Import
from services.catalog.domain.oneroster.rows import (
    ORDER,
    ImportRow,
    Link,
    Result,
    Step,
    link_id,
)

Document = dict[str, Any]
LANE = "imports"
# More than any plan has chunks of one step.
_STEPS_APART = 10**7


class ImportStore(chassis_store.Store):
    """One unit of work's view of imports."""

    # External ids

    def links(self, source: str, file: File, sourced_ids: Iterable[str]) -> dict[str, Link]:
        """Return external ids by sourcedId, removed ones included."""
        ids = [link_id(source, file, each) for each in sourced_ids]
        return {row["sourced_id"]: _link(row) for row in self.find_by_ids("links", ids)}

    def all_links(self, source: str, file: File) -> Iterator[Link]:
        """Yield all external ids of a source's file that are not removed."""
        query = {"source": source, "file": file, "removed": False}
        yield from map(_link, self["links"].find(query, session=self.session).sort("_id", 1))

    def links_within(
        self, source: str, file: File, parents: Iterable[str], removed: bool = False
    ) -> list[Link]:
        """Return external ids that belong to some parents; `removed`: removed ones, too."""
        query: Document = {"source": source, "file": file, "parent": {"$in": list(parents)}}
        rows = self["links"].find(query, session=self.session)
        return [link for link in map(_link, rows) if removed or not link.removed]

    def links_to(self, file: File, targets: Iterable[str]) -> list[Link]:
        """Return the external ids of things, of all sources, removed ones included."""
        wanted = list(targets)
        if not wanted:
            return []
        query = {"file": file, "of": {"$in": wanted}}
        return list(map(_link, self["links"].find(query, session=self.session)))

    def put_links(self, links: Collection[Link]) -> None:
        """Store external ids, new or changed."""
        writes = [UpdateOne({"_id": each.id}, {"$set": to_document(each)}, upsert=True)
                  for each in links]  # fmt: skip
        if writes:
            self["links"].bulk_write(writes, ordered=False, session=self.session)

    # Imports

    def add_import(self, begun: Import) -> None:
        """Store a new import."""
        self["imports"].insert_one(to_document(begun), session=self.session)

    def get_import(self, import_id: str) -> Import | None:
        """Return an import; None if there is none."""
        return self._import({"_id": import_id})

    def put_import(self, begun: Import) -> None:
        """Store a changed import."""
        self._set_import(begun, {})

    def wake_import(self, import_id: str) -> None:
        """Give an import to the workers. Its job is due by the system's clock."""
        job = waiting(LANE, datetime.now(UTC))
        self["imports"].update_one({"_id": import_id}, {"$set": {"job": job}}, session=self.session)

    def end_import(self, begun: Import) -> None:
        """Store an import on which no worker works any more; let others of the source go on. The
        file of one that has ended is removed.
        """
        self._set_import(begun, {"$unset": DONE})
        self["import_turns"].delete_one(
            {"_id": begun.source, "import_id": begun.id}, session=self.session
        )
        if begun.ended_at is not None:
            self["import_parts"].delete_many({"import_id": begun.id}, session=self.session)

    def claimed_import(self, import_id: str, claim: str) -> Import | None:
        """Return an import on which a claim works; None if it was taken over, or has ended."""
        at_work = {"$in": list(AT_WORK)}
        return self._import({"_id": import_id, "job.claim": claim, "state": at_work})

    def last_applied(self, source: str) -> Import | None:
        """Return the last import of a source that was applied, at least in part."""
        query = {"source": source, "done": {"$gt": 0}, "dry_run": False}
        found = self["imports"].find_one(query, sort=[("_id", -1)], session=self.session)
        return from_document(found, Import) if found else None

    def take_turn(self, source: str, import_id: str) -> bool:
        """Return whether an import is the one of its source that is at work now."""
        turns = self["import_turns"]
        try:
            turns.update_one(
                {"_id": source, "import_id": import_id}, {"$set": {"at": self.now}}, upsert=True
            )
        except DuplicateKeyError:
            return False
        return True

    def note_read(self, import_id: str, claim: str, read: int) -> bool:
        """Store how many rows were checked; return whether the claim still works on the import."""
        query = {"_id": import_id, "job.claim": claim}
        return self["imports"].update_one(query, {"$set": {"read": read}}).matched_count == 1

    def _import(self, query: Mapping[str, Any]) -> Import | None:
        found = self["imports"].find_one(query, session=self.session)
        return from_document(found, Import) if found else None

    def _set_import(self, begun: Import, more: Mapping[str, Any]) -> None:
        document = to_document(begun)
        query = {"_id": document.pop("_id")}
        self["imports"].update_one(query, {"$set": document, **more}, session=self.session)

    # Files

    def add_part(self, import_id: str, offset: int, data: bytes) -> None:
        """Store a part of an import's file."""
        part = {
            "_id": f"{import_id}:{offset:012d}",
            "import_id": import_id,
            "data": data,
            "at": datetime.now(UTC),
        }
        self.insert("import_parts", [part])

    def file_of(self, begun: Import, part: int) -> bytes:
        """Return the file of an import; shorter if a part is gone."""
        ids = [f"{begun.id}:{offset:012d}" for offset in range(0, begun.size, part)]
        found = (self["import_parts"].find_one({"_id": each}) for each in ids)
        return b"".join(each["data"] for each in found if each)

    # Rows

    def add_rows(self, begun: Import, plan: str, step: Step, number: int,
                 rows: Sequence[ImportRow]) -> None:  # fmt: skip
        """Store the rows of one part of a plan; `number` orders those of a step."""
        order = ORDER.index(step) * _STEPS_APART + number
        self["import_chunks"].insert_one(
            {
                "_id": f"{plan}:{order:09d}",
                "import_id": begun.id,
                "plan": plan,
                "order": order,
                "step": step,
                "pending": step is not Step.REPORT,
                "at": datetime.now(UTC),
                "rows": [to_document(row) for row in rows],
            }
        )

    def remove_plans(self, import_id: str) -> None:
        """Remove the rows of earlier checks of an import."""
        self["import_chunks"].delete_many({"import_id": import_id})

    def next_rows(self, plan: str) -> tuple[str, Step, list[ImportRow]] | None:
        """Return the next rows that are to be applied, with their chunk's id; None: all are."""
        query = {"plan": plan, "pending": True}
        found = self["import_chunks"].find_one(query, sort=[("order", 1)], session=self.session)
        if found is None:
            return None
        return found["_id"], Step(found["step"]), [_row(row) for row in found["rows"]]

    def put_rows(self, chunk_id: str, rows: Collection[ImportRow]) -> None:
        """Store what became of a chunk's rows."""
        done = {"pending": False, "rows": [to_document(row) for row in rows]}
        self["import_chunks"].update_one({"_id": chunk_id}, {"$set": done}, session=self.session)

    def rows_page(
        self, plan: str, results: Collection[Result], after: tuple[int, int], size: int
    ) -> list[tuple[tuple[int, int], ImportRow]]:
        """Return rows of a plan with these results (none: all) after a place, each with its place:
        the chunk's order and the row's number in it.
        """
        order, place = after
        later = {"$or": [{"order": {"$gt": order}}, {"place": {"$gt": place}}]}
        wanted = {"rows.result": {"$in": list(results)}} if results else {}
        stages: list[Document] = [
            {"$match": {"plan": plan, "order": {"$gte": order}, **wanted}},
            {"$sort": {"order": 1}},
            {"$unwind": {"path": "$rows", "includeArrayIndex": "place"}},
            {"$match": {**later, **wanted}},
            {"$limit": size},
        ]
        found = self["import_chunks"].aggregate(stages)
        return [((row["order"], row["place"]), _row(row["rows"])) for row in found]


def _link(row: Document) -> Link:
    file = File(row["file"])
    return Link(
        source=row["source"],
        file=file,
        sourced_id=row["sourced_id"],
        facts=from_document(row["facts"], TYPES[file]),
        of=row["of"],
        owned=row["owned"],
        removed=row["removed"],
        parent=row["parent"],
    )


def _row(row: Document) -> ImportRow:
    name = row["file"].removesuffix(".csv")
    facts: Facts | None = from_document(row["facts"], TYPES[File(name)]) if row["facts"] else None
    violations = tuple(from_document(each, FieldViolation) for each in row["violations"])
    return ImportRow(
        file=row["file"],
        line=row["line"],
        sourced_id=row["sourced_id"],
        result=Result(row["result"]),
        violations=violations,
        facts=facts,
    )
