"""OAI-PMH 2.0, as stock harvesters see it: by Sickle over HTTP, while items change."""

import random
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from sickle import Sickle, oaiexceptions

from chassis.data.store import Database
from chassis.edge.http.pages import PageRequest
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.library import migrations, oai_queries
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.oai import SETTLING, Cursor, changed_before, read_request, token
from services.library.oai import OaiPmh, Repository
from services.library.store import LibraryStore
from services.library.usecases.items import RetireItem, UpdateItem, retire_item, update_item
from tests.conftest import FakeClock, MakeDatabase

HOST = "library.example.edu"
SETTLED = SETTLING + timedelta(seconds=1)
NS = {
    "oai": "http://www.openarchives.org/OAI/2.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "id": "http://www.openarchives.org/OAI/2.0/oai-identifier",
}
# The schema of section 3.2.1, as pyoai 2.5.0 has it: of other namespaces it checks nothing.
SCHEMA = etree.XMLSchema(file=str(Path(__file__).parent / "schemas" / "OAI-PMH.xsd"))
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Archive:
    """A library with OAI-PMH, whose system's clock is the test's."""

    def __init__(self, database: Database[LibraryStore], clock: FakeClock, port: int) -> None:
        self.database, self.clock, self.port = database, clock, port
        self.oai = OaiPmh(database, REPOSITORY, clock.now)

    def put(self, item_id: str, lag: timedelta = timedelta(0), **changes: Any) -> Item:
        """Store an item, public unless `changes` says else; its transaction began `lag` ago."""
        item = replace(item_of(item_id), **changes)
        self.database.transact(lambda store: store.put_item(item))
        self.stamp(item_id, lag)
        return item

    def stamp(self, item_id: str, lag: timedelta = timedelta(0)) -> None:
        """Let the item be changed at the test's time."""
        self.database.mongo["items"].update_one(
            {"_id": item_id}, {"$set": {"changed_at": self.clock.at - lag}}
        )

    def update(self, item_id: str, **changes: Any) -> None:
        """Change an item as its API does."""
        metadata = Metadata(title="Newer")
        command = UpdateItem(item_id=item_id, metadata=metadata, **changes)
        self.database.transact(lambda store: update_item(store, command, 0))
        self.stamp(item_id)

    def retire(self, item_id: str) -> None:
        """Retire an item as its API does."""
        command = RetireItem(item_id=item_id, reason="old")
        self.database.transact(lambda store: retire_item(store, command, timedelta(days=1)))
        self.stamp(item_id)

    @property
    def sickle(self) -> Any:
        """A stock harvester."""
        return Sickle(f"http://127.0.0.1:{self.port}/oai")

    def records(self, **arguments: Any) -> dict[str, str | None]:
        """What a harvest brings: titles by item, None for deleted ones."""
        found = self.sickle.ListRecords(metadataPrefix="oai_dc", **arguments)
        return {
            each.header.identifier.rpartition(":")[2]: (
                None if each.deleted else each.metadata["title"][0]
            )
            for each in found
        }

    def answer(self, **arguments: str) -> Element:
        """An answer, without HTTP, valid by the schema."""
        return valid(self.oai.answer(PageRequest({}, list(arguments.items()))).body)

    def raw(self, method: str, query: bytes, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of a request."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.putrequest(method, "/oai" + ("?" if query else ""))
            first: Any = connection
            line = first._buffer[0].replace(b"/oai?", b"/oai?" + query)
            first._buffer[0] = line
            for name, value in (FORM | {"content-length": str(len(body))}).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()


def valid(body: bytes) -> Element:
    """The document of an answer, which is valid by the schema."""
    SCHEMA.assertValid(etree.fromstring(body))
    return fromstring(body)


REPOSITORY = Repository(f"https://{HOST}/oai", "The library", "library@example.edu")


FILE = Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32)


def item_of(item_id: str) -> Item:
    """A public item."""
    return Item(
        id=item_id,
        kind=ItemKind.PDF,
        metadata=Metadata(title=f"Title of {item_id}"),
        state=ItemState.AVAILABLE,
        access=Access.ALL,
        created_at=datetime.fromisoformat("2026-01-01T00:00:00Z"),
        promised=FILE,
        renditions=(FILE,),
    )


@pytest.fixture
def archive(make_database: MakeDatabase, clock: FakeClock, tmp_path: Path) -> Iterator[Archive]:
    """A library behind the real edge."""
    database = make_database(LibraryStore)
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    page = OaiPmh(database, REPOSITORY, clock.now).page()
    server = Server(chosen, "tests", database, [], [page])
    server.start()
    yield Archive(database, clock, server.http_port)
    server.drain(chosen.drain)


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


def test_only_public_items_are_told(archive: Archive) -> None:
    """Items of runs and items that are no file yet are in no answer of any verb."""
    archive.put("i-public", run_ids=("run-1",))
    archive.put("i-runs", access=Access.RUNS, run_ids=("run-1",))
    hidden = ["i-runs"]
    for state in set(ItemState) - {ItemState.AVAILABLE}:
        archive.put(f"i-{state.lower()}", state=state)
        hidden.append(f"i-{state.lower()}")
    archive.put("i-older", replaced_by="i-runs")
    archive.clock.at += SETTLED
    assert set(archive.records()) == {"i-public", "i-older"}
    for verb in ("ListRecords", "ListIdentifiers"):
        body = urllib.request.urlopen(
            f"http://127.0.0.1:{archive.port}/oai?verb={verb}&metadataPrefix=oai_dc"
        ).read()
        assert not any(each.encode() in body for each in [*hidden, "run-1"])
    for item_id in [*hidden, "i-unknown"]:
        for verb, more in (
            ("GetRecord", {"metadataPrefix": "oai_dc"}),
            ("ListMetadataFormats", {}),
        ):
            answer = archive.answer(verb=verb, identifier=f"oai:{HOST}:{item_id}", **more)
            error = answer.find("oai:error", NS)
            assert error is not None
            assert error.get("code") == "idDoesNotExist"


def test_what_is_public_no_more_is_a_deleted_record(archive: Archive) -> None:
    """At once by GetRecord, and by the next harvest; so is what comes back."""
    for item_id in ("i1", "i2", "i3"):
        archive.put(item_id)
    archive.clock.at += SETTLED
    since = archive.clock.at
    archive.update("i1", access=Access.RUNS)
    archive.retire("i2")
    record = archive.sickle.GetRecord(identifier=f"oai:{HOST}:i1", metadataPrefix="oai_dc")
    assert record.deleted
    assert archive.records() == {"i3": "Title of i3"}
    archive.clock.at += SETTLED
    again = {"from": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
    assert archive.records(**again) == {"i1": None, "i2": None}
    archive.update("i1", access=Access.ALL)
    archive.clock.at += SETTLED
    assert archive.records(**again) == {"i1": "Newer", "i2": None}
    (answer,) = archive.answer(
        verb="GetRecord", metadataPrefix="oai_dc", identifier=f"oai:{HOST}:i2"
    ).iter("{http://www.openarchives.org/OAI/2.0/}record")
    assert answer.find("oai:metadata", NS) is None


def test_an_embargo_and_a_newer_version_are_told(archive: Archive) -> None:
    """Metadata under embargo is public; what a newer public version replaces names it."""
    archive.put("i1", replaced_by="i2", not_before=datetime.fromisoformat("2030-01-01T00:00:00Z"))
    archive.put("i2", predecessors=("i1",))
    metadata = archive.sickle.GetRecord(
        identifier=f"oai:{HOST}:i1", metadataPrefix="oai_dc"
    ).metadata
    assert metadata["date"] == ["info:eu-repo/date/embargoEnd/2030-01-01"]
    assert metadata["relation"] == [f"oai:{HOST}:i2"]
    assert (metadata["type"], metadata["format"]) == (["Text"], ["application/pdf"])


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


def test_items_of_the_older_version_are_listed(archive: Archive) -> None:
    """The migration marks what is public, and the timer what an older version writes meanwhile."""
    for item_id, access in (("i1", Access.ALL), ("i2", Access.RUNS)):
        archive.put(item_id, access=access)
        archive.put(f"{item_id}-failed", access=access, state=ItemState.FAILED)
    mongo = archive.database.mongo["items"]
    mongo.update_many({}, {"$unset": {"was_public": 1}})
    migrations.adopt(archive.database.mongo)
    marked = {row["_id"]: row for row in mongo.find()}
    assert marked["i1"]["was_public"] is True
    assert marked["i1"]["changed_at"] > marked["i2"]["changed_at"] == archive.clock.at
    assert "was_public" not in marked["i2"]
    plan: Any = mongo.find(migrations.UNMARKED).explain()
    assert plan["executionStats"]["totalDocsExamined"] == 0
    before = marked["i1"]
    migrations.adopt(archive.database.mongo)
    assert mongo.find_one({"_id": "i1"}) == before


def test_a_list_whose_rest_changed_has_a_record(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If all that was left has moved to the next harvest, the last page has one of these, as it is
    now: harvesters take an empty list for an error.
    """
    monkeypatch.setattr(oai_queries, "SIZE", 1)
    archive.put("i1")
    archive.put("i2")
    archive.clock.at += SETTLED
    found = archive.sickle.ListRecords(metadataPrefix="oai_dc")
    assert next(found).metadata["title"] == ["Title of i1"]
    archive.update("i2")
    assert [each.metadata["title"] for each in found] == [["Newer"]]


class Harvester:
    """A stock harvester: it continues from the responseDate of its last harvest."""

    def __init__(self, archive: Archive, by_last_page: bool) -> None:
        self.archive, self.by_last_page = archive, by_last_page
        self.found: dict[str, str | None] = {}
        self.since, self.dates, self.token = "", list[str](), ""

    def fetch(self) -> bool:
        """Get a page; return whether it was the last one."""
        asked = {"resumptionToken": self.token} if self.token else {"metadataPrefix": "oai_dc"}
        if self.since and not self.token:
            asked["from"] = self.since
        answer = self.archive.answer(verb="ListRecords", **asked)
        error = answer.find("oai:error", NS)
        assert error is None or error.get("code") == "noRecordsMatch"
        self.dates.append(answer.findtext("oai:responseDate", "", NS))
        for record in answer.iter("{http://www.openarchives.org/OAI/2.0/}record"):
            name = record.findtext("oai:header/oai:identifier", "", NS)
            self.found[name.rpartition(":")[2]] = record.findtext(".//dc:title", None, NS)
        self.token = answer.findtext(".//oai:resumptionToken", "", NS)
        if not self.token:
            self.since = self.dates[-1 if self.by_last_page else 0]
            self.dates.clear()
        return not self.token

    def harvest(self) -> None:
        """Get the rest of the list."""
        while not self.fetch():
            pass


@given(st.integers(), st.booleans())
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def harvests_are_exact(archive: Archive, seed: int, by_last_page: bool) -> None:
    """Run a random harvest."""
    chance = random.Random(seed)
    mongo = archive.database.mongo["items"]
    mongo.delete_many({})
    harvester = Harvester(archive, by_last_page)
    for step in range(60):
        act = chance.random()
        if act < 0.55:
            item_id = f"i{chance.randrange(9)}"
            access = chance.choice([Access.ALL, Access.ALL, Access.RUNS])
            before = mongo.find_one({"_id": item_id}) or {}
            archive.put(
                item_id,
                lag=timedelta(milliseconds=chance.randrange(SETTLING // timedelta(milliseconds=1))),
                metadata=Metadata(title=f"version {step}"),
                access=access,
                was_public=before.get("was_public", False),
            )
        elif act < 0.75:
            harvester.fetch()
        else:
            archive.clock.forward(seconds=chance.choice([0.4, 1, 30, 200]))
    archive.clock.at += SETTLED
    harvester.harvest()
    harvester.harvest()
    assert harvester.found == {
        row["_id"]: row["metadata"]["title"] if row["access"] == Access.ALL else None
        for row in mongo.find({"was_public": True})
    }


def test_no_change_is_lost_between_pages_and_harvests(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever changes between pages, and however late it is committed: after one more harvest the
    harvester has exactly what is public.
    """
    monkeypatch.setattr(oai_queries, "SIZE", 2)
    harvests_are_exact(archive)


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
