"""Searching: who finds what, and how the index follows the items."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from chassis.data import lease
from chassis.edge.methods import Servicer
from chassis.testing import ChannelFor, figure, running
from services.library import indexing, queries, rights, searching
from services.library.api import LibraryApi
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.files import SharedFile, content_id
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.search import SearchQuery, parse, sees
from services.library.indexing import Indexer, following
from services.library.opensearch_index import OpenSearchIndex
from services.library.ports import FilesAway, IndexAway, IndexBroken
from services.library.tantivy_index import TantivyIndex
from services.library.usecases import reading
from tests.integration.library.shelves import (
    PDF,
    RUN,
    Shelves,
    Stub,
    Through,
    enrolled,
    path,
    refused,
)
from tests.integration.library.test_library_rights import POLICIES, opened, put_policies
from tests.integration.processes import eventually

HOUR = timedelta(hours=1)
INVALID, UNAVAILABLE = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE


class Search:
    """A replica of the library with an index in a folder."""

    def __init__(self, shelves: Shelves, folder: Path) -> None:
        self.shelves, self.folder = shelves, folder
        self.index = TantivyIndex(folder)
        self.indexer = self.new_indexer()
        self.channel_for: ChannelFor

    def new_indexer(self, files: Any = None) -> Indexer:
        """An indexer that knows only what the index remembers."""
        return Indexer(self.shelves.database, files or self.shelves.files, self.index)

    def put(self, id_: str, title: str = "Motion", **changes: Any) -> Item:
        """Store an AVAILABLE item of RUN, as use cases do; `changes` replaces fields."""
        item = Item(
            **{
                "id": id_,
                "kind": ItemKind.PDF,
                "metadata": Metadata(title=title, language="en"),
                "state": ItemState.AVAILABLE,
                "run_ids": (RUN,),
                "uploaded_by": "curie",
                "created_at": self.shelves.clock.at,
                "promised": rendition("original"),
                **changes,
            }
        )
        self.shelves.database.transact(lambda store: store.put_item(item))
        return item

    def as_(self, person: str, role: str = "learner") -> Stub:
        """The API as somebody calls it."""
        return Stub(self.channel_for(person, role))

    def page(self, person: str = "", query: str = "motion", **more: Any) -> Any:
        """What a learner finds (empty: the registrar), after the indexer caught up."""
        self.indexer.catch_up()
        stub = self.as_(person) if person else self.as_("office", "registrar")
        return stub.SearchItems(library_pb2.SearchItemsRequest(query=query, **more))

    def found(self, person: str = "", query: str = "motion", **more: Any) -> set[str]:
        """The ids that somebody finds."""
        return {hit.item.id for hit in self.page(person, query, **more).hits}


def rendition(name: str, content: bytes = b"x") -> Rendition:
    """A file of an item."""
    return Rendition(name=name, media_type="text/plain", size=len(content), sha256="0" * 64)


@pytest.fixture
def search(shelves: Shelves, tmp_path: Path) -> Iterator[Search]:
    made = Search(shelves, tmp_path / "index")

    def ask(query: Any) -> Any:
        return made.indexer.search(query)

    api = LibraryApi(shelves.database, shelves.files, 2**23, HOUR, HOUR, 0, ask)
    servicer = Servicer(
        api,
        library_pb2.DESCRIPTOR.services_by_name["LibraryService"],
        partial(rights.relation, shelves.database),
    )
    with running([servicer], shelves.database) as made.channel_for:
        yield made
    made.index.close()


def test_a_learner_finds_what_the_learner_may_read(search: Search) -> None:
    """By run, by path, by a session, by an earlier version on the path, and what is for all;
    nothing of another run, and nothing under embargo, until that ends. Facets count the same items.
    """
    shelves = search.shelves
    shelves.hear(enrolled("ada"), path("named"), enrolled("bob", "run-2"))
    shelves.hear(sessions.RecordingAttached(session_id="s", run_id=RUN, item_id="recording"))
    end = shelves.clock.at + HOUR
    search.put("of-run")
    search.put("of-other", run_ids=("run-2",))
    search.put("named", run_ids=())
    search.put("recording", run_ids=(), kind=ItemKind.RECORDING)
    search.put("version", run_ids=(), predecessors=("named",))
    search.put("for-all", run_ids=(), access=Access.ALL)
    search.put("embargo", not_before=end)
    search.put("embargo-all", access=Access.ALL, not_before=end)
    search.put("failed", state=ItemState.FAILED)
    search.put("stray", run_ids=())
    adas = {"of-run", "named", "recording", "version", "for-all"}
    assert search.found("ada") == adas
    assert search.found("bob") == {"of-other", "for-all"}
    assert search.found("nobody") == {"for-all"}
    counted = {each.kind: each.count for each in search.page("ada", facets=True).kinds}
    assert counted == {types_pb2.ITEM_KIND_PDF: 4, types_pb2.ITEM_KIND_RECORDING: 1}
    shelves.clock.forward(hours=1)
    assert search.found("ada") == adas | {"embargo", "embargo-all"}
    shelves.hear(catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id=RUN, learner_id="ada"))
    assert search.found("ada") == {"for-all", "embargo-all"}


def test_staff_uploaders_and_the_office_find_every_state(search: Search) -> None:
    """Staff in their runs, whoever uploaded the own items, registrars and services all."""
    search.shelves.hear(catalog.RunOpened(run_id=RUN, instructor_ids=["lise"]), path("named"))
    search.put("failed", state=ItemState.FAILED)
    search.put("embargo", not_before=search.shelves.clock.at + HOUR)
    search.put("named", run_ids=(), state=ItemState.VERIFYING)
    search.put("other", run_ids=("run-2",))
    search.put("own", run_ids=(), uploaded_by="lise", state=ItemState.UPLOADING)
    everything = {"failed", "embargo", "named", "other", "own"}
    assert search.found("lise") == everything - {"other"}
    assert search.found() == everything
    assert search.found("eve") == set()


def test_searches_and_lists_follow_one_rule(search: Search) -> None:
    """For items of all policies and for everybody, before and after the end of an embargo: the
    index alone, the check of its hits, and the two together find what ListItems tells.
    """
    shelves = search.shelves
    end = shelves.clock.at + HOUR
    shelves.hear(opened(RUN, "lise"), opened("run-2", "bohr"), enrolled("ada"))
    put_policies(shelves, end)
    for _ in range(2):
        for person in ("lise", "bohr", "ada", "curie", "nobody"):
            listing = search.as_(person).ListItems(library_pb2.ListItemsRequest())
            listed = {each.id for each in listing.items}
            assert search.found(person) == listed, person
            store = shelves.database.reader()
            scope = reading.scope(store, person)
            assert scope is not None
            query = SearchQuery(sought=parse("motion"), scope=scope)
            assert {hit.item_id for hit in search.index.search(query).hits} == listed, person
            items = [item for item, _ in store.changed_items(POLICIES)]
            assert {item.id for item in items if sees(scope, item)} == listed, person
        shelves.clock.forward(hours=1)


def test_an_index_that_is_behind_shows_nothing_new_to_nobody(search: Search) -> None:
    """An item that was taken away from a run after the index read it is not told, and its new
    title is told to those who still see it.
    """
    search.shelves.hear(enrolled("ada"))
    search.put("a")
    assert search.found("ada") == {"a"}
    search.put("a", "Secret", run_ids=())
    request = library_pb2.SearchItemsRequest(query="motion")
    assert not search.as_("ada").SearchItems(request).hits
    (hit,) = search.as_("office", "registrar").SearchItems(request).hits
    assert hit.item.metadata.title == "Secret"


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


def test_filters(search: Search) -> None:
    """By kind, by language, and by run: what is for its learners, or what its path names, but not
    what its sessions gave.
    """
    search.shelves.hear(path("named"))
    search.shelves.hear(sessions.RecordingAttached(session_id="s", run_id=RUN, item_id="shown"))
    search.put("of-run")
    search.put("film", kind=ItemKind.VIDEO, run_ids=())
    search.put("named", run_ids=(), metadata=Metadata(title="Motion", language="de-AT"))
    search.put("shown", run_ids=(), metadata=Metadata(title="Motion"))
    assert search.found(run_id=RUN) == {"of-run", "named"}
    assert search.found(run_id="unknown") == set()
    assert search.found(kinds=[types_pb2.ITEM_KIND_VIDEO]) == {"film"}
    assert search.found(languages=["DE", "und"]) == {"named", "shown"}
    told = search.page(facets=True).languages
    assert [(each.language, each.count) for each in told] == [("en", 2), ("de", 1), ("und", 1)]


def test_pages(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have every hit once; there are no more than DEEPEST of them; and a page with enough
    bytes ends early.
    """
    for number in range(7):
        search.put(f"i{number}", metadata=Metadata(title="Motion", description="x " * 400))

    def pages(size: int) -> list[list[str]]:
        found: list[list[str]] = []
        token = ""
        while not found or token:
            page = search.page(page_size=size, page_token=token)
            found.append([hit.item.id for hit in page.hits])
            token = page.next_page_token
        return found

    everything = [f"i{number}" for number in range(7)]
    by_three = pages(3)
    assert [len(page) for page in by_three] == [3, 3, 1]
    assert sorted(chain.from_iterable(by_three)) == everything
    monkeypatch.setattr(queries, "PAGE", 3500)
    assert [len(page) for page in pages(3)] == [2, 2, 2, 1]
    assert sorted(chain.from_iterable(pages(7))) == everything
    monkeypatch.setattr(searching, "DEEPEST", 4)
    assert sum(len(page) for page in pages(3)) == 4


def test_a_token_belongs_to_its_query(search: Search) -> None:
    """A token of another query, of another person, or of nobody is refused, and names its field."""
    search.shelves.hear(enrolled("ada"), enrolled("bob"))
    for number in range(3):
        search.put(f"i{number}", "Motion of bodies")
    token = search.page("ada", page_size=1).next_page_token
    assert search.page("ada", page_size=2, page_token=token).hits
    for person, query, given in (
        ("ada", "bodies", token),
        ("bob", "motion", token),
        ("ada", "motion", "hostile"),
        ("ada", "motion", "WzEsMl0="),
    ):
        status, text = refused(partial(search.page, person, query, page_token=given))
        assert status is INVALID
        assert "page_token" in text


def test_hostile_requests(search: Search) -> None:
    """What is no query, no language and no kind is refused; everything else gets an answer."""
    search.put("a")
    for bad in (
        {"query": ""},
        {"query": "-a"},
        {"query": "a\x00"},
        {"query": "x" * 501},
        {"query": "a", "languages": ["*"]},
        {"query": "a", "page_size": 101},
        {"query": "a", "kinds": [99]},
    ):
        fields: dict[str, Any] = bad
        assert refused(partial(search.page, **fields))[0] is INVALID, bad
    for odd in ('title:(a OR "', "a AND NOT", "\x01\ufffe a", "[a TO b] *", "🎓 a", "a" * 500):
        search.page("", odd)


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
    _restart(search)
    assert search.index.documents == 2
    read: list[str] = []
    put = search.index.put
    monkeypatch.setattr(search.index, "put", _noting(put, read))
    assert search.found() == {f"i{number}" for number in range(6)}
    assert read == ["i2", "i3", "i4", "i5"]
    _restart(search)
    request = library_pb2.SearchItemsRequest(query="motion")
    assert len(search.as_("office", "registrar").SearchItems(request).hits) == 6


def _restart(search: Search) -> None:
    search.index.close()
    search.index = TantivyIndex(search.folder)
    search.indexer = search.new_indexer()


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
    _restart(search)
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


def test_extracted_text(search: Search) -> None:
    """The text of an AVAILABLE item's rendition `text` is found; bytes that are no UTF-8 don't
    matter; and a file that is gone leaves the description.
    """
    shelves, content = search.shelves, b"The perihelion of Mercury \xff advances"
    upload = shelves.start(content)
    shelves.put_all(upload, content)
    shelves.complete(upload)
    text = rendition("text", content)
    shelves.database.transact(
        lambda store: store.put_shared_file(SharedFile(id=content_id(text), key=upload.item_id))
    )
    lost = replace(text, sha256="1" * 64)
    search.put("a", renditions=(rendition("original"), text))
    search.put("b", renditions=(rendition("original"), lost))
    search.put("c", renditions=(text,), state=ItemState.RETIRED)
    assert search.found("", "perihelion advances") == {"a"}
    assert search.found("", "motion") >= {"a", "b", "c"}


def test_text_is_indexed_later_when_the_store_was_away(search: Search) -> None:
    """While the S3 store is away the description is found; the text later, also after a restart."""
    content = b"perihelion"

    def away(*_: Any) -> bytes:
        raise FilesAway("away")

    search.indexer = search.new_indexer(Through(search.shelves.files, read=away))
    search.put("a", renditions=(rendition("text", content),))
    assert search.found("", "motion") == {"a"}
    assert search.found("", "perihelion") == set()
    search.index.close()
    search.index = TantivyIndex(search.folder)
    back = Through(search.shelves.files, read=lambda *_: content)
    search.indexer = search.new_indexer(back)
    assert search.found("", "perihelion") == {"a"}
    position = search.index.position
    assert position is not None
    assert not position.without_text


def test_a_text_that_is_refused_blocks_nothing(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item whose text the store refuses to give is found by its description, and so are the
    items after it.
    """
    monkeypatch.setattr(indexing, "TEXTS_IN_MEMORY", 1)

    def refusing(*_: Any) -> bytes:
        raise RuntimeError("AccessDenied")

    search.indexer = search.new_indexer(Through(search.shelves.files, read=refusing))
    search.put("a", renditions=(rendition("text"),))
    search.put("b")
    assert search.found() == {"a", "b"}


def test_figures(search: Search) -> None:
    """The metrics tell how many items are found, and an age that falls with each pass."""
    search.put("a")
    search.indexer._fresh_at -= HOUR
    assert figure("tandem_library_search_age_seconds") >= HOUR.total_seconds()
    search.indexer.catch_up()
    assert figure("tandem_library_search_documents") == 1
    assert figure("tandem_library_search_age_seconds") < HOUR.total_seconds()


def test_an_embargo_is_told_to_the_millisecond(search: Search) -> None:
    """The index and MongoDB agree about the instant at which an embargo ends."""
    search.shelves.hear(enrolled("ada"))
    end = Timestamp()
    end.FromDatetime(search.shelves.clock.at + timedelta(milliseconds=1))
    item_id = search.shelves.available(PDF, run_ids=[RUN], not_before=end)
    assert search.found("ada") == set()
    search.shelves.clock.forward(milliseconds=1)
    assert search.found("ada") == {item_id}
