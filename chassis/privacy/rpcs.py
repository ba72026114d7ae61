"""The RPCs by which every service tells of a person, and of an erasure."""

from collections.abc import Iterator, Sequence
from typing import Any

from tandem.types.v1 import privacy_pb2

from chassis.data.store import Database
from chassis.errors import NotFound
from chassis.privacy.erasing import COLLECTION
from chassis.privacy.export import records
from chassis.privacy.holdings import Document, Holding


class PersonalDataRpcs:
    """The part of a service's implementation with these RPCs."""

    _database: Database[Any]
    _holdings: Sequence[Holding]

    def ExportPerson(
        self, request: privacy_pb2.ExportPersonRequest, context: Any
    ) -> Iterator[privacy_pb2.PersonRecord]:
        for kind, json in records(self._database.mongo, self._holdings, request.person_id):
            if not context.is_active():
                return
            yield privacy_pb2.PersonRecord(kind=kind, json=json)

    def GetErasure(
        self, request: privacy_pb2.GetErasureRequest, _context: Any
    ) -> privacy_pb2.Erasure:
        row = self._database.mongo[COLLECTION].find_one({"_id": request.person_id})
        if row is None:
            raise NotFound(f"the erasure of person {request.person_id!r} was not asked for")
        return erasure_of(row)


def erasure_of(row: Document) -> privacy_pb2.Erasure:
    """Return a stored erasure as it is told."""
    told = privacy_pb2.Erasure(
        person_id=row["_id"],
        records=[
            privacy_pb2.ErasedRecords(kind=kind, count=count)
            for kind, count in sorted(row.get("done", {}).items())
        ],
    )
    for each in row["requested"]:
        told.requested.add(by=each["by"], reason=each["reason"]).at.FromDatetime(each["at"])
    times = {
        "erased_at": row.get("erased_at"),
        "swept_at": row.get("swept_at"),
        "next_sweep_at": row.get("job", {}).get("due"),
    }
    for name, at in times.items():
        if at is not None:
            getattr(told, name).FromDatetime(at)
    return told
