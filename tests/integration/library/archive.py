"""A library with OAI-PMH, and what a harvester gets of it."""

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from lxml import etree
from sickle import Sickle

from chassis.data.store import Database
from chassis.edge.http.pages import PageRequest
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.oai import SETTLING
from services.library.oai import OaiPmh, Repository
from services.library.store import LibraryStore
from services.library.usecases.items import RetireItem, UpdateItem, retire_item, update_item
from tests.conftest import FakeClock

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
REPOSITORY = Repository(f"https://{HOST}/oai", "The library", "library@example.edu")
FILE = Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32)


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
