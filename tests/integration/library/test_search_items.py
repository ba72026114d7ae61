"""Searching: filters, pages, requests of strangers, and the texts of files."""

from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import grpc
import pytest
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from services.library import indexing, queries, searching
from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.files import SharedFile, content_id
from services.library.domain.items import Metadata
from services.library.ports import FilesAway
from services.library.tantivy_index import TantivyIndex
from tests.integration.library.finder import Search, rendition
from tests.integration.library.shelves import (
    RUN,
    Through,
    enrolled,
    path,
    refused,
)

INVALID, UNAVAILABLE = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAVAILABLE


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
