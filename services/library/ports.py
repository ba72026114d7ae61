"""The interfaces that the library needs: a store of documents, and a store of files."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Protocol

from services.library.domain.entitlements import Enrolment, RunReadingList, SessionItems
from services.library.domain.feeds import Feed
from services.library.domain.files import SharedFile
from services.library.domain.items import Item, PendingDeletion, Rendition, Upload
from services.library.domain.packs import Pack
from services.library.domain.processing import Processing
from services.library.domain.quotas import RunUsage
from services.library.domain.recordings import RecordingItems
from services.library.domain.search import Found, IndexedItem, SearchQuery


class FilesAway(Exception):
    """The S3 store can't be reached or fails; the file itself is not the cause."""


class NoSuchUpload(Exception):
    """The S3 store does not have the multipart upload or the file, or lacks a part of it."""


class Files(Protocol):
    """The S3 store. Every method may raise FilesAway."""

    def start(self, key: str, media_type: str) -> str:
        """Begin a multipart upload, and return its id in the S3 store."""

    def stored(self, key: str, multipart: str) -> dict[int, tuple[int, str]]:
        """Return the size in bytes and the entity tag of each stored part. Raises NoSuchUpload."""

    def part_url(self, key: str, multipart: str, number: int) -> str:
        """Return a presigned URL for a PUT of one part."""

    def complete(self, key: str, multipart: str, tags: Mapping[int, str]) -> None:
        """Make the parts one file. Raises NoSuchUpload."""

    def abort(self, key: str, multipart: str) -> None:
        """Abort a multipart upload: delete its parts, if there are any."""

    def unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield the key and the id of each multipart upload that was begun before an instant."""

    def exists(self, key: str) -> bool:
        """Return whether the complete file exists."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the file from its first byte to its last. Raises NoSuchUpload."""

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return a range of the file, shorter at the end of the file. Raises NoSuchUpload."""

    def put(self, key: str, content: BinaryIO, size: int, media_type: str) -> None:
        """Store a whole file."""

    def remove(self, key: str) -> None:
        """Delete the file, if it exists."""

    def read_url(
        self, key: str, media_type: str, at_least: timedelta = timedelta(0)
    ) -> tuple[str, datetime]:
        """Return a presigned URL for GET, with ranges, and until when it is valid."""


class Store(Protocol):
    """One unit of work's view of the library's data."""

    now: datetime

    def new_id(self) -> str:
        """Return a new UUIDv7."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    def item(self, item_id: str) -> Item | None:
        """Return an item; None if there is none."""

    def newest_after(self, item_id: str) -> str:
        """Return the id of the newest AVAILABLE version after an item; "" if there is none."""

    def put_item(self, item: Item) -> None:
        """Store an item, new or changed."""

    def upload(self, upload_id: str) -> Upload | None:
        """Return an upload; None if there is none."""

    def put_upload(self, upload: Upload) -> None:
        """Store an upload, new or changed."""

    def discard(self, pending_deletion: PendingDeletion) -> None:
        """Add a pending deletion; one of the same item is replaced."""

    def shared_file(self, content: str) -> SharedFile | None:
        """Return the file with these bytes (`domain.files.content_id`); None if there is none."""

    def lock_shared_file(self, content: str) -> SharedFile | None:
        """Return the file with these bytes, locked; None if there is none."""

    def keep(self, key: str) -> bool:
        """Remove the pending deletion of a file; return whether there was one."""

    def is_needed(self, file: Rendition) -> bool:
        """Return whether an AVAILABLE item has these bytes."""

    def remove_shared_file(self, file: SharedFile) -> None:
        """Forget which file has some bytes."""

    def put_shared_file(self, file: SharedFile) -> None:
        """Store which file has some bytes, new or changed."""

    def discard_copy(self, key: str) -> None:
        """Add a pending deletion of a file that no item needs, due when nobody reads it."""

    def processing(self, item_id: str) -> Processing | None:
        """Return how far an item's renditions are; None if none is made."""

    def begin_processing(self, processing: Processing, media_type: str) -> None:
        """Store the processing of an item, with its job."""

    def put_processing(self, processing: Processing) -> None:
        """Store the processing of an item after a step."""

    def remove_processing(self, item_id: str) -> None:
        """Remove the processing of an item."""

    def processed_twin(self, item: Item) -> tuple[Item, Processing] | None:
        """Return another AVAILABLE item whose original has the same bytes and media type, with its
        processing, which has ended; None if there is none.
        """

    def playlist(self, content: str) -> str:
        """Return the HLS playlist of a file with these bytes; "" if there is none."""

    def put_playlist(self, content: str, playlist: str) -> None:
        """Store the HLS playlist of a file with these bytes."""

    def items(self, item_ids: Collection[str]) -> list[Item]:
        """Return the items with these ids that exist."""

    def items_for_run(self, run_id: str, limit: int) -> list[str]:
        """Return the ids of AVAILABLE items that are for the learners of a run, oldest first."""

    def pack(self, pack_id: str) -> Pack | None:
        """Return an offline pack; None if there is none."""

    def begin_pack(self, pack: Pack) -> None:
        """Store a pack that is to be made, with its job."""

    def put_pack(self, pack: Pack) -> None:
        """Store a pack that was changed; its job is done when it is not WAITING any more."""

    def note_asked(self, pack_id: str) -> None:
        """Store that somebody asked for a pack now."""

    def remove_pack(self, pack_id: str) -> None:
        """Forget a pack."""

    def quota(self, run_id: str) -> int:
        """Return a run's own quota in bytes; 0 if it has none."""

    def put_quota(self, run_id: str, limit: int) -> None:
        """Store a run's own quota in bytes; 0: it has none."""

    def take_turn(self, limited: str) -> None:
        """Let other units of work that look for room in the same wait for this one's end.
        `limited`: a run's id, or another name that no run has.
        """

    def usage(self, run_id: str, limit: int) -> RunUsage:
        """Return what a run's items use."""

    def runs_of(self, learner_id: str) -> list[str]:
        """Return the ids of the runs in which a learner holds a place."""

    def staffed_by(self, person_id: str) -> list[str]:
        """Return the ids of the runs where a person is staff."""

    def names(self, run_ids: Collection[str], item_ids: Collection[str]) -> bool:
        """Return whether the path or a session of one of these runs names one of these items."""

    def reading_list_items(self, run_ids: Collection[str]) -> list[str]:
        """Return the ids of the items that the paths and sessions of these runs name."""

    def enrolments(self, keys: Iterable[tuple[str, str]]) -> list[Enrolment]:
        """Return the known enrolments for these pairs of run and learner."""

    def put_enrolments(self, enrolments: Collection[Enrolment]) -> None:
        """Store enrolments, new or changed."""

    def add_session_items(self, given: Iterable[SessionItems]) -> None:
        """Add items that sessions gave to study; a repeat changes nothing."""

    def session_items(self, run_id: str) -> list[SessionItems]:
        """Return what the sessions of a run gave to study, in the order of their ids."""

    def recording_items(self, session_ids: Collection[str]) -> list[RecordingItems]:
        """Return the known items of the recordings of some sessions."""

    def put_recording_items(self, told: Collection[RecordingItems]) -> None:
        """Store the items of recordings, in place of those of before."""

    def is_named(self, item_ids: Collection[str]) -> bool:
        """Return whether any path or session names one of these items."""

    def reading_list(self, run_id: str) -> RunReadingList | None:
        """Return a run's reading list; None if it is not known."""

    def put_reading_list(self, reading_list: RunReadingList) -> None:
        """Store a run's reading list."""

    def feed(self, feed_id: str) -> Feed | None:
        """Return a podcast feed, also one that is revoked; None if there is none."""

    def open_feeds(self, reader_id: str) -> int:
        """Return how many feeds a reader has that are not revoked."""

    def put_feed(self, feed: Feed) -> None:
        """Store a podcast feed, new or changed."""


class IndexBroken(Exception):
    """The search index can't be read or written; it has to be built anew."""


class IndexAway(Exception):
    """The search index can't be reached now; what it has is not the cause."""


@dataclass(frozen=True, slots=True)
class IndexPosition:
    """How far an index is: it has all changes up to this one, in the order (changed_at, item_id).

    `without_text`: items whose text could not be read yet. `is_complete`: it once had all changes,
    so it answers queries.
    """

    changed_at: datetime
    item_id: str = ""
    without_text: frozenset[str] = frozenset()
    is_complete: bool = False

    def as_row(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "changed_at": self.changed_at.isoformat(),
            "item_id": self.item_id,
            "without_text": sorted(self.without_text),
            "is_complete": self.is_complete,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "IndexPosition":
        """Return what `as_row` wrote. Raises KeyError, TypeError and ValueError."""
        return cls(
            datetime.fromisoformat(row["changed_at"]),
            row["item_id"],
            frozenset(row["without_text"]),
            row["is_complete"],
        )


class SearchIndex(Protocol):
    """An index of items. Everything but `close` may raise IndexBroken and IndexAway."""

    @property
    def is_complete(self) -> bool:
        """Return whether the index once had all changes, so that it answers queries."""

    @property
    def position(self) -> IndexPosition | None:
        """Return what was committed last; None if the index is new."""

    @property
    def documents(self) -> int:
        """Return how many items can be found."""

    def search(self, query: SearchQuery) -> Found:
        """Return the best hits, and facets if they are wanted."""

    def put(self, items: Iterable[IndexedItem]) -> None:
        """Add items, or replace them."""

    def commit(self, position: IndexPosition) -> None:
        """Let what was put be found, and remember how far that is."""

    def clear(self) -> None:
        """Remove everything, and begin anew."""

    def close(self) -> None:
        """Release what the index holds. What was not committed is lost."""
