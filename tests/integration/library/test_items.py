"""Correcting an item's description, and taking an item out of use."""

from typing import Any

import grpc
import pytest
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2

from tests.integration.library.shelves import AVAILABLE, PDF, RUN, Shelves, enrolled, refused

RETIRED = resources_pb2.ITEM_STATE_RETIRED


def update(shelves: Shelves, item_id: str, title: str, **more: Any) -> resources_pb2.Item:
    """A new title, and nothing else in the description."""
    metadata = resources_pb2.Metadata(title=title)
    request = library_pb2.UpdateItemRequest(item_id=item_id, metadata=metadata, **more)
    return shelves.staff.UpdateItem(request)


def retire(shelves: Shelves, item_id: str, **more: str) -> resources_pb2.Item:
    """The item out of use."""
    request = library_pb2.RetireItemRequest(item_id=item_id, reason="outdated", **more)
    return shelves.staff.RetireItem(request)


def test_a_description_is_replaced(shelves: Shelves) -> None:
    """In each state on the way; told once, and not where nothing changed."""
    upload = shelves.start(PDF)
    assert update(shelves, upload.item_id, "Mechanics").metadata.title == "Mechanics"
    shelves.put_all(upload, PDF)
    shelves.complete(upload)
    shelves.verify()
    after = update(shelves, upload.item_id, "Optics", request_id="u1")
    assert (after.state, after.metadata.title) == (AVAILABLE, "Optics")
    assert update(shelves, upload.item_id, "Optics", request_id="u1") == after
    assert update(shelves, upload.item_id, "Optics") == after
    told = [each.title for each in shelves.published(events_pb2.ItemUpdated, upload.item_id)]
    assert told == ["Mechanics", "Optics"]


def test_a_retired_item_is_read_by_nobody(shelves: Shelves) -> None:
    """It says why; it stays so, and its description too."""
    item_id = shelves.available(run_ids=[RUN])
    shelves.hear(enrolled("ada"))
    assert shelves.may_read("ada", item_id)
    after = retire(shelves, item_id)
    assert (after.state, after.failure) == (RETIRED, "outdated")
    assert retire(shelves, item_id) == after
    [told] = shelves.published(events_pb2.ItemRetired, item_id)
    assert (told.reason, told.title) == ("outdated", "Motion")
    reads = library_pb2.GetReadUrlRequest(item_id=item_id, reader_id="ada")
    learner, precondition = shelves.learner("ada"), grpc.StatusCode.FAILED_PRECONDITION
    assert refused(lambda: learner.GetReadUrl(reads))[0] is precondition
    assert list(learner.ListItems(library_pb2.ListItemsRequest()).items) == []
    assert refused(lambda: update(shelves, item_id, "Optics"))[0] is precondition


@pytest.mark.parametrize("verifying", [True, False])
def test_only_what_is_available_is_retired(shelves: Shelves, verifying: bool) -> None:
    """An upload is aborted instead; what is being verified is waited for."""
    item_id = shelves.upload(PDF) if verifying else shelves.start(PDF).item_id
    code, text = refused(lambda: retire(shelves, item_id))
    assert (code, "only AVAILABLE" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    unknown = refused(lambda: retire(shelves, "nothing"))
    assert unknown[0] is grpc.StatusCode.NOT_FOUND
