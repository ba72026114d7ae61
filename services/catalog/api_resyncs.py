"""The RPCs of resyncs and digests."""

from typing import Any

from tandem.catalog.v1 import catalog_pb2_grpc
from tandem.types.v1 import resyncs_pb2

from chassis.data.store import Database
from chassis.resync import commands
from services.catalog.copies import COPIES
from services.catalog.originals import ORIGINALS
from services.catalog.sources import KINDS
from services.catalog.store import CatalogStore


class ResyncsApi(catalog_pb2_grpc.CatalogServiceServicer):
    """The part of CatalogService for resyncs and digests."""

    _database: Database[CatalogStore]

    def Republish(self, request: resyncs_pb2.RepublishRequest, _context: Any) -> resyncs_pb2.Resync:
        return commands.republish(self._database, request, KINDS)

    def GetResync(self, request: resyncs_pb2.GetResyncRequest, _context: Any) -> resyncs_pb2.Resync:
        return commands.get_resync(self._database, request)

    def DigestCopies(
        self, request: resyncs_pb2.DigestCopiesRequest, _context: Any
    ) -> resyncs_pb2.DigestCopiesResponse:
        return commands.digest_copies(self._database, request, {**ORIGINALS, **COPIES})
