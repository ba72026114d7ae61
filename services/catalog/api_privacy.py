"""The RPCs of export and erasure."""

from typing import Any

from tandem.types.v1 import privacy_pb2

from chassis.context import principal
from chassis.data.commands import execute
from chassis.data.store import Database
from chassis.privacy.erasing import COLLECTION, Request, request
from chassis.privacy.rpcs import PersonalDataRpcs, erasure_of
from services.catalog.privacy import HOLDINGS
from services.catalog.store import CatalogStore
from services.catalog.usecases import people


class PrivacyApi(PersonalDataRpcs):
    """The part of CatalogService for export and erasure."""

    _database: Database[CatalogStore]
    _holdings = HOLDINGS

    def ErasePerson(
        self, command: privacy_pb2.ErasePersonRequest, _context: Any
    ) -> privacy_pb2.Erasure:
        by = principal.current().subject

        def work(store: CatalogStore) -> privacy_pb2.Erasure:
            people.erase_person(store, command.person_id)
            request(store, Request(command.person_id, store.now, by, command.reason))
            found = store[COLLECTION].find_one({"_id": command.person_id}, session=store.session)
            return erasure_of(found or {})

        return execute(self._database, command, privacy_pb2.Erasure, work)
