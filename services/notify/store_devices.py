"""Stores devices, and when codes were sent, as MongoDB documents.

| collection | one document is | its id |
|---|---|---|
| devices | a browser or a phone number | a hash of the endpoint, or of number and person |
| device_owners | a document to lock a person's devices | person |
| code_allowances | when codes were sent in the last day | person:<id>, or number:<hash> |

A device has a job (chassis/jobs) while its code is to be sent.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from chassis import jobs
from chassis.contracts.mapping import from_document, to_document
from chassis.data import store
from chassis.data.pages import Page, find_page
from chassis.jobs import Batch
from services.notify.domain.devices import DAY, Allowance, Device
from services.notify.domain.enums import CODE, Channel
from services.notify.store_replicas import Document

_NEWEST = [("registered_at", -1), ("_id", -1)]


class DevicesStore(store.Store):
    """The part of notify's store for devices."""

    def devices(self, person_ids: Iterable[str]) -> dict[str, tuple[Device, ...]]:
        """Return people's devices that get messages, newest first; who has none is left out."""
        wanted = list(person_ids)
        query = {"person_id": {"$in": wanted}, "confirmed_at": {"$ne": None}}
        found: dict[str, tuple[Device, ...]] = {}
        rows = self["devices"].find(query, session=self.session).sort(_NEWEST) if wanted else ()
        for each in (from_document(row, Device) for row in rows):
            found[each.person_id] = (*found.get(each.person_id, ()), each)
        return found

    def device_page(self, person_id: str, page: Page) -> tuple[list[Device], str]:
        """Return a page of a person's devices, newest first, with numbers that are not confirmed,
        and the next page's token.
        """
        query = {"person_id": person_id}
        rows, token = find_page(self["devices"], query, _NEWEST, page, self.session)
        return [from_document(row, Device) for row in rows], token

    def device(self, device_id: str) -> Device | None:
        """Return a device."""
        row = self["devices"].find_one({"_id": device_id}, session=self.session)
        return None if row is None else from_document(row, Device)

    def put_device(self, device: Device) -> None:
        """Store a device, new or changed."""
        self._set(to_document(device))

    def send_code(self, device: Device) -> None:
        """Store a device, and queue its code to be sent."""
        self._set(to_document(device) | {"job": jobs.waiting(CODE, datetime.now(UTC))})

    def _set(self, row: Document) -> None:
        self["devices"].update_one(
            {"_id": row.pop("_id")}, {"$set": row}, upsert=True, session=self.session
        )

    def code_sent(self, batch: Batch) -> None:
        """Store that the code of a batch is not to be sent any more; another one that was asked for
        meanwhile is.
        """
        query = jobs.ours(batch.claim, batch.ids)
        self["devices"].update_many(query, {"$unset": jobs.DONE}, session=self.session)

    def remove_devices(self, device_ids: Iterable[str]) -> None:
        """Delete devices."""
        if gone := list(device_ids):
            self["devices"].delete_many({"_id": {"$in": gone}}, session=self.session)

    def remove_other_devices(self, device: Device, unconfirmed_only: bool = False) -> None:
        """Delete the person's other devices of its channel, or those that are not confirmed."""
        query: Document = {
            "person_id": device.person_id,
            "channel": device.channel,
            "_id": {"$ne": device.id},
        }
        if unconfirmed_only:
            query["confirmed_at"] = None
        self["devices"].delete_many(query, session=self.session)

    def count_devices(self, person_id: str, channel: Channel) -> int:
        """Return how many devices of a channel a person has. Two registrations of one person that
        count at once conflict.
        """
        self["device_owners"].update_one(
            {"_id": person_id}, {"$inc": {"changes": 1}}, upsert=True, session=self.session
        )
        query = {"person_id": person_id, "channel": channel}
        return int(self["devices"].count_documents(query, session=self.session))

    def allowances(self, ids: Sequence[str]) -> list[Allowance]:
        """Return when codes were sent, in the order of the ids."""
        rows = self.find_by_ids("code_allowances", ids)
        found = {row["_id"]: from_document(row, Allowance) for row in rows}
        return [found.get(each, Allowance(each)) for each in ids]

    def put_allowances(self, allowances: Iterable[Allowance]) -> None:
        """Store when codes were sent; MongoDB deletes it after a day."""
        for each in allowances:
            self["code_allowances"].update_one(
                {"_id": each.id},
                {"$set": {"sent": list(each.sent), "lapses_at": datetime.now(UTC) + DAY}},
                upsert=True,
                session=self.session,
            )
