"""Correcting an item's description, and taking an item out of use."""

from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2

from services.library import cleaning
from tests.integration.library.shelves import AVAILABLE, PDF, RUN, Shelves, enrolled, refused

RETIRED = resources_pb2.ITEM_STATE_RETIRED


def update(shelves: Shelves, item_id: str, title: str, **more: Any) -> resources_pb2.Item:
    """A new title, and nothing else in the description."""
    description = {"metadata": resources_pb2.Metadata(title=title), **more}
    request = library_pb2.UpdateItemRequest(item_id=item_id, **description)
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


def test_a_tombstone_stays_when_the_file_is_deleted(shelves: Shelves) -> None:
    """After the time that was set, and no earlier; deletions that are due at once don't wait."""
    item_id, failed = shelves.available(), shelves.upload(b"no pdf")
    shelves.verify()
    retired = retire(shelves, item_id)
    assert retired.retired_at.ToDatetime(UTC) == shelves.clock.at
    shelves.clock.at += timedelta(days=30) - timedelta(seconds=1)
    cleaning.sweep(shelves.database, shelves.files)
    assert (shelves.files.exists(item_id), shelves.files.exists(failed)) == (True, False)
    shelves.clock.at += timedelta(seconds=1)
    cleaning.sweep(shelves.database, shelves.files)
    assert not shelves.files.exists(item_id)
    assert shelves.database.reader().pending_deletions() == []
    tombstone = shelves.item(item_id)
    assert (tombstone.metadata, tombstone.retired_at) == (retired.metadata, retired.retired_at)
    assert (tombstone.state, tombstone.failure) == (RETIRED, "outdated")


@pytest.mark.parametrize("verifying", [True, False])
def test_only_what_is_available_is_retired(shelves: Shelves, verifying: bool) -> None:
    """An upload is aborted instead; what is being verified is waited for."""
    item_id = shelves.upload(PDF) if verifying else shelves.start(PDF).item_id
    code, text = refused(lambda: retire(shelves, item_id))
    assert (code, "only AVAILABLE" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    unknown = refused(lambda: retire(shelves, "nothing"))
    assert unknown[0] is grpc.StatusCode.NOT_FOUND


def test_a_description_is_told_in_normal_form(shelves: Shelves) -> None:
    """With type and format; what comes back as it was told changes nothing, and tells nobody."""
    item_id = shelves.available(
        metadata=resources_pb2.Metadata(
            title="Motion", identifiers=["ISBN 0-306-40615-2"], date="2026-03", licence="CC0-1.0"
        )
    )
    told = shelves.item(item_id).metadata
    assert (list(told.types), list(told.formats)) == (["Text"], ["application/pdf"])
    assert list(told.identifiers) == ["urn:isbn:9780306406157"]
    shelves.staff.UpdateItem(library_pb2.UpdateItemRequest(item_id=item_id, metadata=told))
    assert shelves.published(events_pb2.ItemUpdated, item_id) == []


def test_an_item_is_found_by_its_identifier(shelves: Shelves) -> None:
    """In any form, and by an index; a text that is no identifier is refused."""
    metadata = resources_pb2.Metadata(title="Motion", identifiers=["doi:10.1000/ABC"])
    item_id, _ = shelves.upload(PDF, metadata=metadata), shelves.upload(PDF)

    def found(identifier: str) -> list[str]:
        page = shelves.staff.ListItems(library_pb2.ListItemsRequest(identifier=identifier))
        return [each.id for each in page.items]

    assert found("https://doi.org/10.1000/aBC") == [item_id]
    assert found("doi:10.1000/other") == []
    code, text = refused(lambda: found("10.1000/abc"))
    assert (code, "names no scheme" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    plan: Any = shelves.database.mongo["items"].find({"metadata.identifiers": "a:b"}).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 0


@pytest.mark.parametrize("updates", [True, False])
def test_every_fault_of_a_description_is_refused_at_once(shelves: Shelves, updates: bool) -> None:
    """By StartUpload and by UpdateItem, together with the other faults of the request."""
    metadata = resources_pb2.Metadata(title="Motion", date="soon", identifiers=["isbn:1"])
    if updates:
        item_id = shelves.start(PDF).item_id
        code, text = refused(lambda: update(shelves, item_id, "A", metadata=metadata))
    else:
        code, text = refused(lambda: shelves.start(PDF, metadata=metadata, run_ids=["x" * 65]))
        assert "run_ids[0]" in text
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "metadata.date: is 'soon'" in text
    assert "metadata.identifiers[0]" in text
