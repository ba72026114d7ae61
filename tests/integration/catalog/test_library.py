"""Catalog's gRPC calls to the library, which is available or not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from tandem.library.v1 import library_pb2, library_pb2_grpc, resources_pb2

from chassis.edge.grpc import client
from chassis.errors import Unavailable
from chassis.testing import settings_for
from services.catalog.library import GrpcLibrary


class Shelves(library_pb2_grpc.LibraryServiceServicer):
    """A library that has the items whose ids start with "known", in pages of up to `page`. It
    stores the requests.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.failing: grpc.StatusCode | None = None
        self.page = 1_000

    def ListItems(
        self, request: library_pb2.ListItemsRequest, context: Any
    ) -> library_pb2.ListItemsResponse:
        self.asked.append(len(request.item_ids))
        if self.failing is not None:
            context.abort(self.failing, "not now")
        known = [each for each in request.item_ids if each[:5] == "known"]
        first = int(request.page_token or 0)
        end = first + self.page
        return library_pb2.ListItemsResponse(
            items=[resources_pb2.Item(id=each, state=_state(each)) for each in known[first:end]],
            next_page_token=str(end) if end < len(known) else "",
        )


def _state(item_id: str) -> "resources_pb2.ItemState.ValueType":
    failed = item_id.endswith("failed")
    return resources_pb2.ITEM_STATE_FAILED if failed else resources_pb2.ITEM_STATE_UPLOADING


@pytest.fixture
def shelves() -> Shelves:
    return Shelves()  # type: ignore[abstract]


@pytest.fixture
def library(shelves: Shelves) -> Iterator[GrpcLibrary]:
    server = grpc.server(ThreadPoolExecutor(2))
    library_pb2_grpc.add_LibraryServiceServicer_to_server(shelves, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with client.channel(f"127.0.0.1:{port}", settings_for("file:///none")) as channel:
        yield GrpcLibrary(channel)
    server.stop(None).wait()


def test_the_library_tells_which_items_it_has(library: GrpcLibrary, shelves: Shelves) -> None:
    """Unknown ids are left out; more than a request may name are asked in several."""
    assert library.known({"known-1", "gone", "known-2"}) == {"known-1", "known-2"}
    many = {f"known-{number}" for number in range(2_500)}
    assert library.known(many) == many
    assert max(shelves.asked) <= 50


def test_all_pages_of_an_answer_are_read(library: GrpcLibrary, shelves: Shelves) -> None:
    """The library ends a page early where items are large."""
    shelves.page = 3
    many = {f"known-{number}" for number in range(20)}
    assert library.known(many) == many


def test_an_item_that_the_library_refused_is_not_known(library: GrpcLibrary) -> None:
    """It will never be readable; one on its way may be."""
    assert library.known({"known-failed", "known-1"}) == {"known-1"}


def test_a_library_that_refuses_is_unavailable(library: GrpcLibrary, shelves: Shelves) -> None:
    """Whatever the library answers, the caller of catalog may try again."""
    for code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.DEADLINE_EXCEEDED):
        shelves.failing = code
        with pytest.raises(Unavailable, match=code.name):
            library.known({"known"})


def test_a_library_that_is_away_is_unavailable() -> None:
    """No server listens at its address."""
    channel = client.channel("127.0.0.1:1", settings_for("file:///none"))
    with channel, pytest.raises(Unavailable, match="UNAVAILABLE"):
        GrpcLibrary(channel).known({"known"})
