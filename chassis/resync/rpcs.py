"""The RPCs of resyncs and digests."""

from collections.abc import Mapping, Sequence
from typing import Any

from tandem.types.v1 import resyncs_pb2

from chassis.context import principal
from chassis.contracts.mapping import to_message
from chassis.data.commands import execute
from chassis.data.store import Database
from chassis.resync import digests, resyncs
from chassis.resync.digests import Digested
from chassis.resync.sources import Source


def digest_copies(
    database: Database[Any],
    request: resyncs_pb2.DigestCopiesRequest,
    known: Mapping[str, Digested],
) -> resyncs_pb2.DigestCopiesResponse:
    """Return digests of what a service has of one kind. Raises Invalid."""
    kind = digests.checked(known, request.kind, request.fields)
    fields = sorted(request.fields or kind.fields)
    rows, more = digests.rows(
        database.reader(),
        kind,
        fields,
        digests.Stretch(
            request.after, request.until, request.page_size or digests.PAGE, tuple(request.keys)
        ),
    )
    return resyncs_pb2.DigestCopiesResponse(
        rows=[resyncs_pb2.CopyDigest(key=key, digest=digest) for key, digest in rows],
        more=more,
        fields=fields,
    )


class DigestRpcs:
    """The part of a service's implementation that tells digests of originals and copies."""

    _database: Database[Any]
    _digested: Mapping[str, Digested]

    def DigestCopies(
        self, request: resyncs_pb2.DigestCopiesRequest, _context: Any
    ) -> resyncs_pb2.DigestCopiesResponse:
        return digest_copies(self._database, request, self._digested)


class ResyncRpcs(DigestRpcs):
    """The part of an owner's implementation that begins resyncs, which a worker does."""

    _sources: Sequence[Source[Any]]

    def Republish(self, request: resyncs_pb2.RepublishRequest, _context: Any) -> resyncs_pb2.Resync:
        caller = principal.current().subject
        kinds = [each.kind for each in self._sources]
        return execute(
            self._database,
            request,
            resyncs_pb2.Resync,
            lambda store: resyncs.begin(store, request.subscription, request.kinds, kinds, caller),
        )

    def GetResync(self, request: resyncs_pb2.GetResyncRequest, _context: Any) -> resyncs_pb2.Resync:
        found = resyncs.get(self._database.reader(), request.resync_id)
        return to_message(found, resyncs_pb2.Resync)
