"""Verifies uploaded files byte by byte before anyone may read them; each item is a job."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.library.domain.items import Item
from services.library.domain.types import is_opened
from services.library.domain.verification import Found, mismatches
from services.library.inspection import MOST_READ, types_of
from services.library.migrations import LARGE, SMALL
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.probing import Prober
from services.library.ranges import RangedFile
from services.library.reading_back import EDGE, lost_key, reads_back
from services.library.store import LibraryStore
from services.library.usecases.verification import judge

# Each slot verifies one item at a time; a document never waits for a film.
SLOTS = ((SMALL,), (SMALL,), (LARGE, SMALL), (LARGE, SMALL))

log = structlog.get_logger()


def verification(files: Files) -> Jobs[LibraryStore]:
    """Return the jobs that verify uploaded files."""
    probers = {SMALL: Prober(), LARGE: Prober()}

    @contextmanager
    def work(database: Database[LibraryStore]) -> Iterator[Work]:
        yield partial(verify, database, files, probers)

    return Jobs(
        "library.verify",
        "items",
        {SMALL: 1, LARGE: 1},
        SLOTS,
        work,
        poll=timedelta(seconds=0.2),
    )


def verify(
    database: Database[LibraryStore], files: Files, probers: Mapping[str, Prober], batch: Batch
) -> int:
    """Verify the item of a batch; return how many items are finished. `probers`: one for each lane.

    Raises Away if the S3 store does not answer, GiveBack if the process is to end, and any other
    error that prevents the verification.
    """
    (item_id,) = batch.ids
    item = database.reader().item(item_id)
    if item is None:
        return 0
    try:
        found = look(
            files, probers[batch.lane], item, partial(batch.go_on, gives_back=batch.lane == LARGE)
        )
        lost = lost_key(database.reader(), files, item.promised, item.id) if found else ""
    except FilesAway as error:
        raise Away(str(error)) from error
    state = database.transact(partial(judge, item_id=item_id, found=found, lost=lost))
    log.info("verified", item=item_id, state=state.value)
    return 1


def look(files: Files, prober: Prober, item: Item, go_on: Callable[[], None]) -> Found | None:
    """Return the properties of an item's stored file; None if it is lost. Raises FilesAway.

    `go_on` is called between chunks. A file that is not as announced is not opened.
    """
    try:
        found = _look(files, item, go_on)
        if any(mismatches(item, found)) or not found.read_back:
            return found
        return _open(files, prober, item, found, go_on)
    except NoSuchUpload:
        return None


def _look(files: Files, item: Item, go_on: Callable[[], None]) -> Found:
    digest, size, head, tail = hashlib.sha256(), 0, b"", b""
    for chunk in files.chunks(item.id):
        digest.update(chunk)
        size += len(chunk)
        head += chunk[: EDGE - len(head)]
        tail = (tail + chunk[-EDGE:])[-EDGE:]
        go_on()
    # For a file no longer than EDGE, both are the same piece, which is read back once.
    edges = {0: head, size - len(tail): tail}
    file = RangedFile(partial(files.read, item.id), size, MOST_READ, edges)
    return Found(
        size=size,
        sha256=digest.hexdigest(),
        types=types_of(file),
        read_back=size > 0 and reads_back(files, item.id, edges),
    )


def _open(
    files: Files, prober: Prober, item: Item, found: Found, go_on: Callable[[], None]
) -> Found:
    media_type = item.promised.media_type
    if not is_opened(media_type):
        return found
    verdict = prober(media_type, found.size, partial(files.read, item.id), go_on)
    return replace(found, seconds=verdict.seconds, fault=verdict.fault)
