"""The client of the library service: a path can be published only if the library has its items."""

from collections.abc import Collection, Iterator

import grpc
from tandem.library.v1 import library_pb2
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.library.v1.resources_pb2 import ITEM_STATE_FAILED, ITEM_STATE_RETIRED

from chassis.errors import Unavailable

_GONE = (ITEM_STATE_FAILED, ITEM_STATE_RETIRED)
# Items in one request of ListItems, so that most answers have a single page.
CHUNK = 50


class GrpcLibrary:
    """Calls the library service over gRPC."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = LibraryServiceStub(channel)

    def known(self, item_ids: Collection[str]) -> set[str]:
        """Return those of the items that the library has and that are neither FAILED nor RETIRED.

        Raises Unavailable if the library can't be asked.
        """
        try:
            return {item_id for chunk in _chunks(sorted(item_ids)) for item_id in self._ask(chunk)}
        except grpc.RpcError as error:
            raise Unavailable(f"the library does not answer: {error.code().name}") from error

    def _ask(self, item_ids: list[str]) -> Iterator[str]:
        request = library_pb2.ListItemsRequest(item_ids=item_ids, page_size=CHUNK)
        while True:
            page = self._stub.ListItems(request)
            yield from (item.id for item in page.items if item.state not in _GONE)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
