"""Makes offline packs; each is a job."""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, cast

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.library.domain.enums import PackState
from services.library.domain.packs import Pack, PackedItem, names
from services.library.domain.types import ZIP
from services.library.migrations import PACKS
from services.library.offline_page import page_of
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.reading_back import put
from services.library.store import LibraryStore
from services.library.usecases import packs as use

PAGE = "index.html"
# The earliest that a ZIP can tell: the same content has the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)
UNIX, ORDINARY_FILE = 3, 0o100644 << 16

log = structlog.get_logger()
Open = Callable[[str], Iterable[bytes]]
"""Yields the bytes of a file in the S3 store."""


class Damaged(Exception):
    """The S3 store gave other bytes than it was given; the next attempt makes the pack anew."""


def packing(files: Files) -> Jobs[LibraryStore]:
    """Return the jobs that make offline packs."""

    @contextmanager
    def work(database: Database[LibraryStore]) -> Iterator[Work]:
        yield partial(process, database, files)

    return Jobs("library.pack", "packs", {PACKS: 1}, ((PACKS,),), work)


def process(database: Database[LibraryStore], files: Files, batch: Batch) -> int:
    """Make the pack of a batch, store it and read it back; return how many packs are finished.

    Raises Away if the S3 store does not answer, and GiveBack if the process is to end.
    """
    (pack_id,) = batch.ids
    store = database.reader()
    pack = store.pack(pack_id)
    if pack is None or pack.state is not PackState.WAITING:
        store.end_pack_job(pack_id)
        return 1
    try:
        _make(database, files, pack, use.sources(store, pack), batch.go_on)
    except FilesAway as error:
        raise Away(str(error)) from error
    except use.CantMake as error:
        database.transact(partial(use.give_up, pack_id=pack_id, why=str(error)))
    log.info("packed", pack=pack_id, run=pack.run_id)
    return 1


def write_zip(
    content: BinaryIO, pack: Pack, keys: Iterable[str], opened: Open, go_on: Callable[[], None]
) -> int:
    """Write a pack's ZIP and return its size in bytes: its page, and its items' files as they are.

    `content`: seekable. Raises Damaged if a file is not what was verified, and what `opened` and
    `go_on` raise.
    """
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        archive.writestr(_entry(PAGE), page_of(pack))
        for name, item, key in zip(names(pack.items), pack.items, keys, strict=True):
            with archive.open(_entry(name), "w") as entry:
                for chunk in _checked(item, opened(key)):
                    entry.write(chunk)
                    go_on()
    return content.tell()


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, DATE)
    info.create_system, info.external_attr = UNIX, ORDINARY_FILE
    return info


def _checked(item: PackedItem, chunks: Iterable[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != item.sha256:
        raise Damaged(f"{item.rendition} of item {item.item_id} has other bytes than were verified")


def _make(
    database: Database[LibraryStore],
    files: Files,
    pack: Pack,
    keys: list[str],
    go_on: Callable[[], None],
) -> None:
    # A file without a name: nothing is left if this process is killed.
    with tempfile.TemporaryFile() as temporary:
        content = cast(BinaryIO, temporary)
        try:
            size = write_zip(content, pack, keys, files.chunks, go_on)
        except NoSuchUpload as error:
            raise use.CantMake("the S3 store has lost a file of it") from error
        content.flush()
        key = database.transact(partial(use.announce, pack_id=pack.id))
        put(files, key, content, size, ZIP)
    database.transact(partial(use.attach, pack_id=pack.id, key=key, size=size))
