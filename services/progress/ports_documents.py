"""What the use cases of the LRS's documents need of their store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.progress.domain.xapi.documents import Content, Context, Document, DocumentKey, Room


@dataclass(frozen=True, slots=True)
class Listed:
    """A stored document without its content."""

    key: DocumentKey
    size: int
    """In bytes."""
    updated: datetime


class DocumentStore(Protocol):
    """The documents of activities and agents as one unit of work sees them."""

    now: datetime

    def contends_for(self, kind: str, id_: str) -> None:
        """Lock a thing that other units of work may change too."""

    def document(self, key: DocumentKey) -> Document | None:
        """Return a document; None if there is none."""

    def documents(self, context: Context, since: datetime | None = None) -> Sequence[Listed]:
        """Return the documents of a context that were stored or changed after `since`, by id; of
        all registrations if it names none.
        """

    def put_document(self, key: DocumentKey, content: Content, *, new: bool) -> None:
        """Store a document, with the present time."""

    def remove_documents(self, keys: Sequence[DocumentKey]) -> None:
        """Delete documents."""

    def room_taken(self, owner: tuple[str, str]) -> Room:
        """Return how much the documents of an owner take."""

    def take_room(self, owner: tuple[str, str], more: Room) -> None:
        """Count what an owner's documents take more than before, or less."""
