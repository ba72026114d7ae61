"""What the RPCs of resyncs and digests do, for the API of each service that has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tandem.types.v1 import resyncs_pb2

from chassis.context import principal
from chassis.contracts.mapping import to_message
from chassis.data.commands import execute
from chassis.data.store import Database
from chassis.resync import digests, resyncs
from chassis.resync.digests import Digested


def republish(
    database: Database[Any], request: resyncs_pb2.RepublishRequest, known: Sequence[str]
) -> resyncs_pb2.Resync:
    """Begin a resync, which a worker does. `known`: the kinds of the service's sources."""
    caller = principal.current().subject
    return execute(
        database,
        request,
        resyncs_pb2.Resync,
        lambda store: resyncs.begin(store, request.subscription, request.kinds, known, caller),
    )


def get_resync(
    database: Database[Any], request: resyncs_pb2.GetResyncRequest
) -> resyncs_pb2.Resync:
    """Return a resync. Raises NotFound."""
    return to_message(resyncs.get(database.reader(), request.resync_id), resyncs_pb2.Resync)


def digest_copies(
    database: Database[Any],
    request: resyncs_pb2.DigestCopiesRequest,
    known: Mapping[str, Digested],
) -> resyncs_pb2.DigestCopiesResponse:
    """Return digests of what the service has of one kind. Raises Invalid."""
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
