"""What catalog asks the library, over gRPC: a path can only be published with items that exist."""

from collections.abc import Collection, Iterator

import grpc
from tandem.library.v1 import library_pb2
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub

from chassis.refusals import Unavailable

# What one request of ListItems may name.
CHUNK = 1_000


class GrpcLibrary:
    """The library service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = LibraryServiceStub(channel)

    def known(self, item_ids: Collection[str]) -> set[str]:
        """Those of the items that the library has. Raises Unavailable when it can't be asked."""
        try:
            return {item_id for chunk in _chunks(sorted(item_ids)) for item_id in self._ask(chunk)}
        except grpc.RpcError as error:
            raise Unavailable(f"the library can't be asked now: {error.code().name}") from error

    def _ask(self, item_ids: list[str]) -> Iterator[str]:
        request = library_pb2.ListItemsRequest(item_ids=item_ids, page_size=CHUNK)
        for item in self._stub.ListItems(request).items:
            yield item.id


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
