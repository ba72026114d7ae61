"""What the use cases need of a store of documents, and of a store of files."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from services.library.domain.entitlements import Enrolment, RunReadingList
from services.library.domain.items import Item, PendingDeletion, Upload


class FilesAway(Exception):
    """The store of files does not answer: nothing is wrong with the file."""


class NoSuchUpload(Exception):
    """The store of files has no such multipart upload or file, or not all of it (any more)."""


class Files(Protocol):
    """The S3 store. Every method may raise FilesAway."""

    def start(self, key: str, media_type: str) -> str:
        """Begin a multipart upload; answers the store's name for it."""

    def stored(self, key: str, multipart: str) -> dict[int, tuple[int, str]]:
        """Size in bytes and entity tag of each part that is there. Raises NoSuchUpload."""

    def part_url(self, key: str, multipart: str, number: int) -> str:
        """A presigned URL for a PUT of one part."""

    def complete(self, key: str, multipart: str, tags: Mapping[int, str]) -> None:
        """Put the parts together. Raises NoSuchUpload."""

    def abort(self, key: str, multipart: str) -> None:
        """Give the parts up; harmless where there are none."""

    def unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Key and name of each multipart upload that was begun before an instant."""

    def exists(self, key: str) -> bool:
        """Whether the whole file is there."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file from its first byte to its last. Raises NoSuchUpload."""

    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of the file, shorter where the file ends. Raises NoSuchUpload."""

    def remove(self, key: str) -> None:
        """Delete the file; harmless where there is none."""

    def read_url(self, key: str, media_type: str) -> str:
        """A presigned URL for GET, with ranges."""


class Store(Protocol):
    """One unit of work's view of the library's data."""

    now: datetime

    def new_id(self) -> str:
        """A fresh UUIDv7."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def item(self, item_id: str) -> Item | None:
        """An item by its id."""

    def put_item(self, item: Item) -> None:
        """Keep an item, new or changed."""

    def upload(self, upload_id: str) -> Upload | None:
        """An upload by its id."""

    def put_upload(self, upload: Upload) -> None:
        """Keep an upload, new or changed."""

    def discard(self, pending_deletion: PendingDeletion) -> None:
        """Add a pending deletion."""

    def runs_of(self, learner_id: str) -> list[str]:
        """The runs in which a learner holds a place."""

    def names(self, run_ids: Collection[str], item_id: str) -> bool:
        """Whether the path of one of these runs names an item."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> list[Enrolment]:
        """What is known of (run, learner)."""

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Keep what catalog told."""

    def reading_list(self, run_id: str) -> RunReadingList | None:
        """The items of a run's path."""

    def put_reading_list(self, reading_list: RunReadingList) -> None:
        """Keep what catalog told."""
