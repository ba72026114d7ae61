"""How the index follows the items: changes, kills, faults, replicas."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.library.v1 import library_pb2, resources_pb2

from chassis.data import lease
from chassis.testing import figure
from services.library import indexing
from services.library.indexing import Indexer, following
from services.library.opensearch_index import OpenSearchIndex
from services.library.ports import IndexAway, IndexBroken
from tests.integration.library.finder import HOUR, Search
from tests.integration.library.shelves import (
    PDF,
    RUN,
    enrolled,
    refused,
)
from tests.integration.processes import eventually

INVALID, UNAVAILABLE = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE


def test_the_index_follows_the_items(search: Search) -> None:
    """A new item, a new description and a retirement are found as they are now."""
    search.shelves.hear(enrolled("ada"))
    item_id = search.shelves.available(PDF, run_ids=[RUN])
    assert search.found("ada") == {item_id}
    staff = search.shelves.staff
    described = resources_pb2.Metadata(title="Waves", creators=["Émilie du Châtelet"])
    staff.UpdateItem(library_pb2.UpdateItemRequest(item_id=item_id, metadata=described))
    assert search.found("ada") == set()
    assert search.found("ada", "chatelet waves") == {item_id}
    staff.RetireItem(library_pb2.RetireItemRequest(item_id=item_id, reason="old"))
    assert search.found("ada", "waves") == set()
    assert search.found("", "waves") == {item_id}


def test_a_late_commit_is_found(search: Search) -> None:
    """A change whose transaction commits after a later one was read is found in the next pass."""
    search.put("late")
    search.shelves.database.mongo["items"].delete_one({"_id": "late"})
    early = datetime.now(UTC)
    search.put("later")
    assert search.found() == {"later"}
    search.put("late")
    search.shelves.database.mongo["items"].update_one(
        {"_id": "late"}, {"$set": {"changed_at": early}}
    )
    assert search.found() == {"late", "later"}


def test_a_pass_without_changes_puts_nothing(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the index has is not put again, also the changes of the last minutes."""
    search.put("a")
    search.indexer.catch_up()
    put: list[str] = []
    monkeypatch.setattr(search.index, "put", lambda items: put.extend(each.id for each in items))
    search.indexer.catch_up()
    assert put == []
    search.put("b")
    search.indexer.catch_up()
    assert put == ["b"]


def test_while_the_index_is_built(search: Search) -> None:
    """Until the first pass is complete a search is UNAVAILABLE, and never a part of the answer."""
    search.put("a")
    request = library_pb2.SearchItemsRequest(query="motion")
    stub = search.as_("office", "registrar")
    assert refused(lambda: stub.SearchItems(request))[0] is UNAVAILABLE
    search.indexer.stop()
    search.indexer.catch_up()
    assert refused(lambda: stub.SearchItems(request))[0] is UNAVAILABLE
    search.indexer = search.new_indexer()
    assert search.found() == {"a"}


def test_a_build_goes_on_after_a_kill(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed before a kill stays, does not count as complete, and is not read again; a
    complete index answers at once after a restart.
    """
    monkeypatch.setattr(indexing, "BATCH", 2)
    monkeypatch.setattr(indexing, "COMMIT_AFTER", 2)
    for number in range(6):
        search.put(f"i{number}")
    long_ago = datetime.now(UTC) - HOUR
    for number in range(6):
        search.shelves.database.mongo["items"].update_one(
            {"_id": f"i{number}"}, {"$set": {"changed_at": long_ago}}
        )
    commits: list[Any] = []
    commit = search.index.commit

    def killed(position: Any) -> None:
        commits.append(position)
        commit(position)
        raise KeyboardInterrupt

    monkeypatch.setattr(search.index, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        search.indexer.catch_up()
    assert not commits[0].is_complete
    search.restart()
    assert search.index.documents == 2
    read: list[str] = []
    put = search.index.put
    monkeypatch.setattr(search.index, "put", _noting(put, read))
    assert search.found() == {f"i{number}" for number in range(6)}
    assert read == ["i2", "i3", "i4", "i5"]
    search.restart()
    request = library_pb2.SearchItemsRequest(query="motion")
    assert len(search.as_("office", "registrar").SearchItems(request).hits) == 6


def _noting(put: Callable[[Any], None], read: list[str]) -> Callable[[Any], None]:
    def noting(items: Any) -> None:
        listed = list(items)
        read.extend(each.id for each in listed)
        put(listed)

    return noting


def test_a_broken_index_is_built_anew(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it can't be written, the thread counts a failure, begins anew, and goes on."""
    search.put("a")
    search.indexer.catch_up()
    commit, broken = search.index.commit, [IndexBroken("no space")]

    def failing(position: Any) -> None:
        if broken:
            raise broken.pop()
        commit(position)

    monkeypatch.setattr(search.index, "commit", failing)
    before = figure("tandem_library_search_failures_total")
    search.put("b")
    request = library_pb2.SearchItemsRequest(query="motion")
    stub = search.as_("office", "registrar")

    def finds_both() -> bool:
        try:
            return len(stub.SearchItems(request).hits) == 2
        except grpc.RpcError:
            return False

    with following(search.indexer, timedelta(seconds=0.1)):
        eventually(finds_both)
    assert figure("tandem_library_search_failures_total") == before + 1


def test_two_replicas_agree(search: Search, tmp_path: Path) -> None:
    """Two replicas that read the same changes in passes of different lengths find the same."""
    for number in range(10):
        search.put(f"i{number}", f"Motion {'of bodies ' * number}")
        if number % 3 == 0:
            search.indexer.catch_up()
            search.put(f"i{number}", f"Motion {'in air ' * number}")
    one = [hit.item.id for hit in search.page().hits]
    search.index.close()
    search.folder = tmp_path / "other"
    search.restart()
    assert [hit.item.id for hit in search.page().hits] == one
    assert len(one) == 10


def test_one_process_feeds_a_shared_index(search: Search) -> None:
    """Of two processes with one index, the holder of the lease feeds it; when that ends, the other
    goes on where the index is.
    """
    leases = search.shelves.database.mongo["leases"]

    def feeder(name: str) -> Indexer:
        has_turn = partial(lease.take, leases, "search", name, HOUR)
        return Indexer(search.shelves.database, search.shelves.files, search.index, has_turn)

    one, two = feeder("one"), feeder("two")
    search.put("a")
    one.catch_up()
    search.put("b")
    two.catch_up()
    search.indexer = two
    request = library_pb2.SearchItemsRequest(query="motion")
    stub = search.as_("office", "registrar")
    assert [hit.item.id for hit in stub.SearchItems(request).hits] == ["a"]
    lease.release(leases, "search", "one")
    two.catch_up()
    one.catch_up()
    assert {hit.item.id for hit in stub.SearchItems(request).hits} == {"a", "b"}
    assert search.index.documents == 2


def test_a_cluster_that_does_not_answer(search: Search) -> None:
    """Without an answer from OpenSearch a search is UNAVAILABLE, and the index is not begun
    anew.
    """
    search.indexer = Indexer(
        search.shelves.database,
        search.shelves.files,
        OpenSearchIndex("http://127.0.0.1:1", "tests"),
    )
    stub = search.as_("office", "registrar")
    request = library_pb2.SearchItemsRequest(query="motion")
    assert refused(lambda: stub.SearchItems(request))[0] is UNAVAILABLE
    with pytest.raises(IndexAway):
        search.indexer.catch_up()


def test_figures(search: Search) -> None:
    """The metrics tell how many items are found, and an age that falls with each pass."""
    search.put("a")
    search.indexer._fresh_at -= HOUR
    assert figure("tandem_library_search_age_seconds") >= HOUR.total_seconds()
    search.indexer.catch_up()
    assert figure("tandem_library_search_documents") == 1
    assert figure("tandem_library_search_age_seconds") < HOUR.total_seconds()
