"""A replica of the library that searches, with an index that a test brings up to date."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tandem.library.v1 import library_pb2

from chassis.testing import ChannelFor
from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.indexing import Indexer
from services.library.tantivy_index import TantivyIndex
from tests.integration.library.shelves import (
    RUN,
    Shelves,
    Stub,
)

HOUR = timedelta(hours=1)


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

    def restart(self) -> None:
        """Open the folder anew, as another process does."""
        self.index.close()
        self.index = TantivyIndex(self.folder)
        self.indexer = self.new_indexer()

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
