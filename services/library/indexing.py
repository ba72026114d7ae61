"""Keeps a search index like the items in MongoDB.

An indexer reads the items in the order in which they were changed. A transaction may commit later
than the time that it wrote, and clocks differ, so the changes of the last minutes (SETTLING)
are read again each time.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from chassis import ids
from chassis.data import lease
from chassis.data.store import Database
from chassis.errors import Unavailable
from services.library import metrics
from services.library.domain.enums import ItemState
from services.library.domain.items import Item
from services.library.domain.oai import SETTLING
from services.library.domain.renditions import TEXT
from services.library.domain.search import Found, SearchQuery, indexed
from services.library.ports import (
    Files,
    FilesAway,
    IndexAway,
    IndexBroken,
    IndexPosition,
    NoSuchUpload,
    SearchIndex,
)
from services.library.store import LibraryStore
from services.library.usecases.files import key_of

OVERLAP = SETTLING
START = IndexPosition(datetime(1970, 1, 1, tzinfo=UTC))
BATCH = 500
COMMIT_AFTER = 20_000
"""Items that are put into the index between two commits."""
LONGEST_TEXT = 2**20
"""Bytes of an item's text that are indexed."""
TEXTS_AT_ONCE, TEXTS_IN_MEMORY = 4, 16
MOST_RETRIED = 200
"""Items whose text is tried again in one pass."""
LONGEST_PAUSE = 60.0
"""Seconds, after passes that failed."""
LEASE, LEASE_LASTS = "library.search", timedelta(seconds=60)
"""Of the process that feeds an index which several share."""
JOIN = 10.0
"""Seconds in which the thread ends after it was told to."""

log = structlog.get_logger()


class Indexer:
    """Brings one index up to date. One thread does so; any thread may search."""

    def __init__(
        self,
        database: Database[LibraryStore],
        files: Files,
        index: SearchIndex,
        has_turn: Callable[[], bool] = lambda: True,
    ) -> None:
        """`has_turn`: whether this process feeds the index now, if several share it; it is called
        often enough to renew a lease.
        """
        self._database, self._files, self._index = database, files, index
        self._has_turn = has_turn
        self._stopping = threading.Event()
        self._fresh_at = datetime.now(UTC)
        self._begin(START)
        self._is_ours = False
        metrics.SEARCH_AGE.set_function(self.age)

    def _begin(self, position: IndexPosition) -> None:
        self._position = position
        self._without_text = set(position.without_text)
        # When each item was changed whose change will be read again: those of the overlap.
        self._known: dict[str, datetime] = {}
        self._uncommitted = 0

    def age(self) -> float:
        """Return the seconds for which changes may be missing: since the last complete pass
        began, or since the start.
        """
        return (datetime.now(UTC) - self._fresh_at).total_seconds()

    def search(self, query: SearchQuery) -> Found:
        """Return what the index finds. Raises Unavailable while it is built."""
        try:
            if self._index.is_complete:
                return self._index.search(query)
        except (IndexBroken, IndexAway) as error:
            log.warning("the search index can't be read", why=repr(error)[:300])
            raise Unavailable("the search index can't be read; try again") from error
        raise Unavailable("the search index is being built; try again")

    def stop(self) -> None:
        """Let `follow` end, and a pass end early."""
        self._stopping.set()

    def close(self) -> None:
        """Release the index."""
        self._index.close()

    def follow(self, every: timedelta) -> None:
        """Bring the index up to date again and again, until `stop`."""
        pause = every.total_seconds()
        while not self._stopping.is_set():
            pause = every.total_seconds() if self._succeeds() else min(2 * pause, LONGEST_PAUSE)
            self._stopping.wait(pause)

    def _succeeds(self) -> bool:
        try:
            self.catch_up()
        except IndexBroken:
            log.exception("the search index can't be written; it is built anew")
            self._begin_anew()
        except Exception as error:  # MongoDB is away, or anything else: the next pass may succeed
            log.warning("the search index is not brought up to date", why=repr(error)[:300])
        else:
            return True
        metrics.SEARCH_FAILURES.inc()
        return False

    def _begin_anew(self) -> None:
        self._begin(START)
        try:
            self._index.clear()
        except IndexBroken:  # the next pass fails again, and tries this again
            log.exception("the search index can't be built")

    def catch_up(self) -> None:
        """Put all items into the index that were changed since the last time, in one pass.

        It ends early after `stop`, and when another process has the turn. Raises IndexBroken,
        IndexAway, and what MongoDB raises; then the next pass begins where this one began.
        """
        began, store = datetime.now(UTC), self._database.reader()
        if not self._has_turn():
            self._is_ours, self._fresh_at = False, began  # its age counts
            return
        self._take_up()
        cursor = self._position
        with ThreadPoolExecutor(TEXTS_AT_ONCE) as pool:
            texts = _Texts(store, self._files, pool)
            while keys := store.changes(cursor, BATCH):
                if self._stopping.is_set() or not self._has_turn():
                    return
                self._put(texts, store.changed_items(self._unknown(keys)))
                self._known.update((id_, at) for at, id_ in keys if at > began - OVERLAP)
                cursor = IndexPosition(*keys[-1])
                if self._uncommitted >= COMMIT_AFTER:
                    self._commit(_settled(cursor, began), self._index.is_complete)
            self._retry_texts(texts, store)
        self._position = _settled(cursor, began)
        self._known = {
            id_: at for id_, at in self._known.items() if at >= self._position.changed_at
        }
        if self._uncommitted or not self._index.is_complete:
            self._commit(self._position, is_complete=True)
        self._fresh_at = began
        metrics.SEARCH_DOCUMENTS.set(self._index.documents)

    def _take_up(self) -> None:
        """Begin where the index is, if this process did not feed it until now, or it is new."""
        position = self._index.position
        if position is None or not self._is_ours:
            self._begin(position or START)
            self._is_ours = True

    def _unknown(self, keys: Collection[tuple[datetime, str]]) -> list[str]:
        return [id_ for at, id_ in keys if self._known.get(id_) != at]

    def _put(self, texts: "_Texts", changed: Sequence[tuple[Item, datetime]]) -> None:
        for first in range(0, len(changed), TEXTS_IN_MEMORY):
            some = changed[first : first + TEXTS_IN_MEMORY]
            rows = list(zip(some, texts.of([item for item, _ in some]), strict=True))
            self._index.put(indexed(item, at, text or "") for (item, at), text in rows)
            for (item, _), text in rows:
                (self._without_text.add if text is None else self._without_text.discard)(item.id)
            self._uncommitted += len(rows)

    def _retry_texts(self, texts: "_Texts", store: LibraryStore) -> None:
        if self._without_text and not texts.are_away:
            some = sorted(self._without_text)[:MOST_RETRIED]
            self._put(texts, store.changed_items(some))

    def _commit(self, position: IndexPosition, is_complete: bool) -> None:
        self._index.commit(
            IndexPosition(
                position.changed_at, position.item_id, frozenset(self._without_text), is_complete
            )
        )
        self._uncommitted = 0


def _settled(cursor: IndexPosition, began: datetime) -> IndexPosition:
    """Return the position before which no change can appear any more.

    `began`: when the reading began; later changes of the overlap may have been missed.
    """
    overlap = began - OVERLAP
    return cursor if cursor.changed_at < overlap else IndexPosition(overlap)


class _Texts:
    """Reads the texts that were extracted from items' files, until the S3 store is away."""

    def __init__(self, store: LibraryStore, files: Files, pool: ThreadPoolExecutor) -> None:
        self._store, self._files, self._pool = store, files, pool
        self.are_away = False

    def of(self, items: Collection[Item]) -> list[str | None]:
        """Return each item's text: "" if it has none, None if it can't be read now."""
        return list(self._pool.map(self._text_of, items))

    def _text_of(self, item: Item) -> str | None:
        if item.state is not ItemState.AVAILABLE:
            return ""
        renditions = [each for each in item.renditions if each.name == TEXT and each.size]
        if not renditions:
            return ""
        if self.are_away:
            return None
        key = key_of(self._store, item, renditions[0])
        try:
            # Cut in the middle of a character, or damaged: what can be read is found.
            return self._files.read(key, 0, LONGEST_TEXT)[:LONGEST_TEXT].decode(errors="ignore")
        except NoSuchUpload:
            return ""
        except FilesAway:
            self.are_away = True
            return None
        except Exception as error:  # a file that the store refuses does not block other items
            log.warning("an item's text can't be read", item=item.id, why=repr(error)[:300])
            return ""


def open_indexer(
    database: Database[LibraryStore], files: Files, url: str, authority: str, folder: Path
) -> Indexer:
    """Return the indexer of an OpenSearch cluster, which one process at a time feeds; without a
    URL, of an index in a folder of this process. `authority`: as OpenSearchIndex has it.

    Raises SettingsError if the folder can't be used.
    """
    if not url:
        from services.library.tantivy_index import open_index

        return Indexer(database, files, open_index(folder))
    from services.library.opensearch_index import OpenSearchIndex

    leases, holder = database.mongo["leases"], ids.new_id()
    has_turn = partial(lease.take, leases, LEASE, holder, LEASE_LASTS)
    index = OpenSearchIndex(url, database.mongo.name, authority)
    return Indexer(database, files, index, has_turn)


@contextmanager
def following(indexer: Indexer, every: timedelta) -> Iterator[None]:
    """Keep an index up to date on a thread of its own; close it at the end."""
    thread = threading.Thread(target=indexer.follow, args=[every], name="indexer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        indexer.stop()
        thread.join(JOIN)
        indexer.close()
