"""Searching: who finds what."""

from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2

from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.search import SearchQuery, parse, sees
from services.library.usecases import reading
from tests.integration.library.finder import HOUR, Search
from tests.integration.library.shelves import (
    PDF,
    RUN,
    enrolled,
    path,
)
from tests.integration.library.test_library_rights import POLICIES, opened, put_policies


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


def test_an_embargo_is_told_to_the_millisecond(search: Search) -> None:
    """The index and MongoDB agree about the instant at which an embargo ends."""
    search.shelves.hear(enrolled("ada"))
    end = Timestamp()
    end.FromDatetime(search.shelves.clock.at + timedelta(milliseconds=1))
    item_id = search.shelves.available(PDF, run_ids=[RUN], not_before=end)
    assert search.found("ada") == set()
    search.shelves.clock.forward(milliseconds=1)
    assert search.found("ada") == {item_id}
