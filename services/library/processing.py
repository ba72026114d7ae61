"""Makes the renditions of AVAILABLE items; each item is a job."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.library.domain import processing as rules
from services.library.domain.enums import ItemState
from services.library.domain.items import Item
from services.library.domain.processing import Processing, Progress
from services.library.domain.renditions import NotMade
from services.library.making import Maker, Product
from services.library.migrations import DOCUMENTS, EARLIER, FILMS
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.reading_back import lost_key, put
from services.library.store import LibraryStore
from services.library.usecases import processing as use
from services.library.usecases.files import key_of

# A slot makes one rendition at a time; a document never waits for a film.
SLOTS = ((DOCUMENTS,), (FILMS, EARLIER))
# Seconds between two writes of a job's progress.
TELL_EVERY = 2.0
LOST = "the S3 store has lost the file it is made from"

log = structlog.get_logger()


def processing(files: Files) -> Jobs[LibraryStore]:
    """Return the jobs that make renditions."""
    makers = {lane: Maker() for lane in (DOCUMENTS, FILMS)}
    makers[EARLIER] = makers[FILMS]

    @contextmanager
    def work(database: Database[LibraryStore]) -> Iterator[Work]:
        yield partial(process, database, files, makers)

    return Jobs("library.process", "processings", {DOCUMENTS: 1, FILMS: 1, EARLIER: 1}, SLOTS, work)


def process(
    database: Database[LibraryStore], files: Files, makers: Mapping[str, Maker], batch: Batch
) -> int:
    """Make the missing renditions of the item of a batch; return how many items are finished.

    A step that is done is not repeated after a crash. Raises Away if the S3 store does not answer,
    and GiveBack if the process is to end.
    """
    (item_id,) = batch.ids
    if database.transact(partial(use.adopt, item_id=item_id)):
        return 1
    telling = _Telling(database, batch)
    while True:
        store = database.reader()
        item, found = store.item(item_id), store.processing(item_id)
        if item is None or found is None or item.state is not ItemState.AVAILABLE:
            store.remove_processing(item_id)
            return 1
        name = rules.next_step(found)
        if not name:
            return 1
        telling.about(found)
        try:
            _make(database, files, makers[batch.lane], item, name, telling)
        except FilesAway as error:
            raise Away(str(error)) from error
        log.info("processed", item=item_id, rendition=name)


class _Telling:
    """Stores how far the work is, now and then; and ends it if the process is to end."""

    def __init__(self, database: Database[LibraryStore], batch: Batch) -> None:
        self._database, self._batch = database, batch
        self._begun, self._first = time.monotonic(), -1.0
        self._found: Processing | None = None
        self._told = float("-inf")

    def about(self, found: Processing) -> None:
        """Tell of the next step of this processing from now on."""
        self._found = found
        if self._first < 0:
            self._first = rules.share_done(found)
        self(0.0)

    def __call__(self, share: float) -> None:
        """Store the share of the step that is done."""
        now = time.monotonic()
        if self._found is None or now < self._told + TELL_EVERY:
            return
        self._told = now
        step = Progress(name=rules.next_step(self._found), share=share)
        done = rules.share_done(replace(self._found, progress=step))
        left = rules.seconds_left(self._first, done, now - self._begun)
        progress = replace(step, seconds_left=left)
        self._database.reader().note_progress(self._found.id, self._batch.claim, progress)

    def go_on(self) -> None:
        """Let other greenlets run. Raises GiveBack if the process is to end and this takes long."""
        self._batch.go_on(gives_back=self._batch.lane != DOCUMENTS)


def _make(
    database: Database[LibraryStore],
    files: Files,
    maker: Maker,
    item: Item,
    name: str,
    telling: _Telling,
) -> None:
    """Make one rendition, store and read back its file, and attach it to its item."""
    key = key_of(database.reader(), item, item.original)
    read = partial(files.read, key)
    try:
        with maker.making(name, item, read, telling.go_on, telling) as product:
            if isinstance(product, Product):
                _attach(database, files, item.id, product)
                return
            why = product
    except NoSuchUpload:
        why = NotMade(reason=LOST, is_fault=True)
    database.transact(partial(use.give_up, item_id=item.id, name=name, why=why))


def _attach(
    database: Database[LibraryStore],
    files: Files,
    item_id: str,
    product: Product,
) -> None:
    file = product.file
    key = database.transact(partial(use.announce, item_id=item_id, file=file))
    put(files, key, product.content, file.size, file.media_type)
    lost = lost_key(database.reader(), files, file, key)
    database.transact(
        partial(
            use.attach,
            item_id=item_id,
            file=file,
            pages=product.pages,
            playlist=product.playlist,
            lost=lost,
        )
    )
