"""OAI-PMH 2.0, as stock harvesters see it: by Sickle over HTTP."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sickle import Sickle, oaiexceptions

from services.library import oai_queries
from services.library.domain.enums import Access, ItemKind
from services.library.domain.items import Metadata
from services.library.domain.oai import Cursor, changed_before, read_request, token
from services.library.store import LibraryStore
from tests.integration.library.archive import HOST, NS, SETTLED, Archive, item_of, valid


def test_the_repository_is_described(archive: Archive) -> None:
    """Identify, ListMetadataFormats and ListSets tell what section 4 demands."""
    archive.put("i1")
    archive.clock.forward(hours=1)
    told = archive.sickle.Identify()
    assert (told.repositoryName, told.adminEmail) == ("The library", "library@example.edu")
    assert (told.baseURL, told.protocolVersion) == (f"https://{HOST}/oai", "2.0")
    assert (told.deletedRecord, told.granularity) == ("persistent", "YYYY-MM-DDThh:mm:ssZ")
    assert told.earliestDatestamp == "2026-03-02T08:03:00Z"
    form = archive.answer(verb="Identify").find(".//id:repositoryIdentifier", NS)
    assert form is not None
    assert form.text == HOST
    (dublin_core,) = archive.sickle.ListMetadataFormats(identifier=f"oai:{HOST}:i1")
    assert dublin_core.metadataPrefix == "oai_dc"
    for verb in ("ListSets", "ListMetadataFormats"):
        assert archive.answer(verb=verb).find(f"oai:{verb}", NS) is not None
    assert [each.setSpec for each in archive.sickle.ListSets()] == [
        "kind", *(f"kind:{kind.lower()}" for kind in ItemKind)
    ]  # fmt: skip


def test_a_harvester_gets_all_pages_and_sets(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of items that were changed at one instant; each once, by both lists and each set."""
    monkeypatch.setattr(oai_queries, "SIZE", 4)
    wanted = {f"i{number}" for number in range(13)}
    for number, item_id in enumerate(sorted(wanted)):
        archive.put(item_id, kind=ItemKind.VIDEO if number % 3 else ItemKind.PDF)
        archive.clock.forward(seconds=number // 10)
    archive.clock.at += SETTLED
    headers = archive.sickle.ListIdentifiers(metadataPrefix="oai_dc")
    ids = [each.identifier.rpartition(":")[2] for each in headers]
    assert sorted(ids) == sorted(wanted)
    assert set(archive.records()) == wanted
    of_set = {name: set(archive.records(set=name)) for name in ("kind", "kind:pdf", "kind:video")}
    assert of_set["kind"] == wanted
    assert of_set["kind:pdf"] == wanted - of_set["kind:video"]
    assert len(of_set["kind:pdf"]) == 5
    with pytest.raises(oaiexceptions.NoRecordsMatch):
        archive.records(set="kind:ebook")


def test_post_is_the_same_as_get(archive: Archive) -> None:
    """A harvester may send its arguments as a form (section 3.1.1)."""
    archive.put("i1")
    archive.clock.at += SETTLED
    by_get = archive.raw("GET", b"verb=ListRecords&metadataPrefix=oai_dc")
    assert by_get == archive.raw("POST", b"", b"verb=ListRecords&metadataPrefix=oai_dc")
    assert by_get[0] == 200
    assert b"Title of i1" in by_get[1]
    harvester = Sickle(f"http://127.0.0.1:{archive.port}/oai", http_method="POST")
    assert len(list(harvester.ListRecords(metadataPrefix="oai_dc"))) == 1


def test_the_request_is_repeated_if_it_is_legal(archive: Archive) -> None:
    """Attributes of the element `request` (section 3.2)."""
    legal = archive.answer(verb="ListRecords", metadataPrefix="oai_dc", set="kind:pdf")
    request = legal.find("oai:request", NS)
    assert request is not None
    assert request.text == f"https://{HOST}/oai"
    assert request.attrib == {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "kind:pdf"}
    illegal = archive.answer(verb="ListRecords", set="kind:pdf").find("oai:request", NS)
    assert illegal is not None
    assert illegal.attrib == {}


def test_a_page_has_bounded_bytes(archive: Archive) -> None:
    """Items with much metadata come in more and smaller pages, and none is lost."""
    big = Metadata(title="big", description="&" * 1_500_000)
    for number in range(4):
        archive.put(f"i{number}", metadata=big)
    archive.clock.at += SETTLED
    first = archive.answer(verb="ListRecords", metadataPrefix="oai_dc")
    assert len(first.findall(".//oai:record", NS)) == 1
    assert len(archive.records()) == 4
    headers = archive.answer(verb="ListIdentifiers", metadataPrefix="oai_dc")
    assert len(headers.findall(".//oai:header", NS)) == 4


def test_a_page_reads_only_its_own_documents(archive: Archive) -> None:
    """Also in the middle of many items of one instant, and in a set with few items."""
    document = archive.database.transact(document_of)
    rows = [
        {**document, "_id": f"m{number:04}", "changed_at": archive.clock.at,
         "kind": "PDF" if number % 50 else "EBOOK"}
        for number in range(2000)
    ]  # fmt: skip
    archive.database.mongo["items"].insert_many(rows)
    end = changed_before(archive.clock.at + timedelta(hours=1))
    begin = Cursor(archive.clock.at, "m1000")
    store = archive.database.reader()
    for kind, documents in ((None, oai_queries.SIZE + 1), (ItemKind.EBOOK, 20)):
        plan: Any = oai_queries.find(store, kind, begin, end, whole=True).explain()
        stats = plan["executionStats"]
        assert stats["nReturned"] == stats["totalDocsExamined"] == documents
        assert stats["totalKeysExamined"] <= documents + 1


def document_of(store: LibraryStore) -> Mapping[str, Any]:
    store.put_item(item_of("m"))
    found = store["items"].find_one({"_id": "m"}, session=store.session)
    assert found is not None
    return found


def test_hostile_requests_get_errors(archive: Archive) -> None:
    """Any bytes as a query or a form are answered by errors of OAI-PMH, or by a 4xx."""
    archive.put("i1")
    parts = st.sampled_from(
        [b"verb=", b"ListRecords", b"GetRecord", b"&", b"=", b"metadataPrefix=oai_dc", b"from=",
         b"2026-03-02", b"resumptionToken=", b"%00", b"%FF", b"identifier=oai:", b"set=kind:"]
    )  # fmt: skip
    noise = st.lists(parts | st.binary(max_size=4), max_size=8).map(b"".join)

    @given(noise, st.booleans())
    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    def hostile(raw: bytes, as_form: bool) -> None:
        query = bytes(byte for byte in raw if byte > 32 and byte not in b"#\x7f")
        found = archive.raw("POST", b"", raw) if as_form else archive.raw("GET", query)
        assert found[0] in (200, 400)
        if found[0] == 200:
            valid(found[1])

    hostile()


def test_forged_tokens_tell_nothing(archive: Archive) -> None:
    """A token that names an item of a run is refused."""
    archive.put("i-runs", access=Access.RUNS)
    request = read_request("ListRecords", [("metadataPrefix", "oai_dc")])
    forged = token(request, Cursor(archive.clock.at, "i-runs"))
    query = urlencode({"verb": "ListRecords", "resumptionToken": forged})
    status, body = archive.raw("GET", query.encode())
    assert status == 200
    assert b'code="badResumptionToken"' in body
    assert b"i-runs" not in body
