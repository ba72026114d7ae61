"""Versions of a work: who may replace an item, and what its readers see."""

from typing import Any

import grpc
import pytest
from tandem.library.v1 import events_pb2, library_pb2, resources_pb2

from chassis.context.principal import Principal, acting_as
from chassis.errors import FailedPrecondition
from services.library.domain.versions import MOST_VERSIONS
from tests.integration.library.shelves import (
    AVAILABLE,
    PDF,
    RUN,
    TEACHER,
    Shelves,
    enrolled,
    path,
    race,
    refused,
)
from tests.integration.library.test_items import retire, update
from tests.integration.library.test_library_rights import as_person, opened

REGISTRAR = Principal(TEACHER, frozenset({"registrar"}))


def test_readers_follow_a_chain_to_its_newest_version(shelves: Shelves) -> None:
    """Who reads the first by a path reads the next ones too; each stays readable until it is
    retired, and tells the newest that is AVAILABLE.
    """
    first = shelves.available()
    shelves.hear(enrolled("ada"), path(first), opened("run-2", "bohr"))
    second = shelves.upload(PDF, replaces_item_id=first)
    assert shelves.item(first).replaced_by == ""
    assert shelves.item(first).newest_id == ""
    shelves.verify()
    third = shelves.available(replaces_item_id=second)
    items = [shelves.item(each) for each in (first, second, third)]
    assert [each.replaced_by for each in items] == [second, third, ""]
    assert [each.newest_id for each in items] == [third, third, ""]
    assert list(items[2].predecessors) == [first, second]
    assert all(shelves.may_read("ada", each) for each in (first, second, third))
    assert not shelves.may_read("eve", third)
    listed = shelves.learner("ada").ListItems(library_pb2.ListItemsRequest()).items
    assert [each.id for each in listed] == [third, second, first]
    retire(shelves, third)
    assert shelves.item(first).newest_id == second


def test_a_new_version_is_told(shelves: Shelves) -> None:
    """Of the old item when the new one is AVAILABLE, and once; a correction of the old one keeps
    it.
    """
    old = shelves.available()
    new = shelves.available(replaces_item_id=old)
    [available] = shelves.published(events_pb2.ItemAvailable, new)
    assert available.replaces_item_id == old
    [told] = shelves.published(events_pb2.ItemUpdated, old)
    assert told.replaced_by == new
    assert update(shelves, old, "Optics").replaced_by == new


def test_an_item_has_one_next_version(shelves: Shelves) -> None:
    """Also while that one is on its way; one that failed or was retired makes room."""
    old = shelves.available()
    started = shelves.start(PDF, replaces_item_id=old)
    code, text = refused(lambda: shelves.start(PDF, replaces_item_id=old))
    assert (code, started.item_id in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    shelves.abort(started)
    second = shelves.available(replaces_item_id=old)
    assert refused(lambda: shelves.start(PDF, replaces_item_id=old))[0] is code
    retire(shelves, second)
    third = shelves.available(replaces_item_id=old)
    assert shelves.item(old).replaced_by == shelves.item(old).newest_id == third


def test_of_two_versions_announced_at_once_one_wins(shelves: Shelves) -> None:
    """The other is refused, and leaves no upload."""
    old = shelves.available()
    request = shelves.request(PDF, replaces_item_id=old)

    def start(_: int) -> resources_pb2.Upload | None:
        with acting_as(REGISTRAR):
            try:
                return shelves.api.StartUpload(request, None)
            except FailedPrecondition:
                return None

    started = [each for each in race(start, range(4)) if each]
    assert len(started) == 1
    assert shelves.database.mongo["uploads"].count_documents({"state": "OPEN"}) == 1
    shelves.put_all(started[0], PDF)
    new = shelves.complete(started[0]).id
    shelves.verify()
    assert shelves.item(old).replaced_by == new


def test_a_repeat_announces_the_same_version(shelves: Shelves) -> None:
    """It is no second one."""
    old = shelves.available()
    both = [shelves.start(PDF, replaces_item_id=old, request_id="v2") for _ in range(2)]
    assert both[0].item_id == both[1].item_id


def test_only_what_is_available_is_replaced(shelves: Shelves) -> None:
    """Not an unknown item, not one on its way or out of use, and not without end."""
    verifying = shelves.upload(PDF)
    codes = grpc.StatusCode
    assert refused(lambda: shelves.start(PDF, replaces_item_id="ghost"))[0] is codes.NOT_FOUND
    code, text = refused(lambda: shelves.start(PDF, replaces_item_id=verifying))
    assert (code, "VERIFYING" in text) == (codes.FAILED_PRECONDITION, True)
    shelves.verify()
    assert shelves.item(verifying).state == AVAILABLE
    many = {"$set": {"predecessors": [f"v{place}" for place in range(MOST_VERSIONS - 1)]}}
    shelves.database.mongo["items"].update_one({"_id": verifying}, many)
    code, text = refused(lambda: shelves.start(PDF, replaces_item_id=verifying))
    assert (code, f"version {MOST_VERSIONS}" in text) == (codes.FAILED_PRECONDITION, True)
    retire(shelves, verifying)
    assert "RETIRED" in refused(lambda: shelves.start(PDF, replaces_item_id=verifying))[1]


@pytest.mark.parametrize(("person", "may"), [("lise", True), ("bohr", False), ("curie", True)])
def test_who_may_correct_an_item_may_replace_it(shelves: Shelves, person: str, may: bool) -> None:
    """Its uploader, and an assistant of all its runs; staff of other runs may not."""
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr", "curie"))
    old = shelves.available(run_ids=[RUN])
    start: Any = as_person(shelves, person).StartUpload
    request = shelves.request(PDF, replaces_item_id=old)
    if may:
        assert start(request).item_id
    else:
        assert refused(lambda: start(request))[0] is grpc.StatusCode.PERMISSION_DENIED
        assert shelves.start(PDF, replaces_item_id=old).item_id


def test_versions_are_found_by_an_index(shelves: Shelves) -> None:
    """Other works are not looked at."""
    shelves.upload(PDF)
    query = {"predecessors": "ghost", "state": "AVAILABLE"}
    plan: Any = shelves.database.mongo["items"].find(query).sort("_id", -1).limit(1).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 0
