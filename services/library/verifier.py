"""Looks at what was uploaded, byte by byte, before anyone may read it."""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import structlog

from chassis.store import Database
from services.library.domain.items import Item
from services.library.domain.types import may_play
from services.library.domain.verification import Found
from services.library.inspection import BLOCK, StoredFile, seconds_of, types_of
from services.library.ports import Files, NoSuchUpload
from services.library.store import LibraryStore
from services.library.usecases.verification import judge

CLAIM = timedelta(seconds=60)
RENEW = 20.0
# A tick ends after so many, so that a stop and the lease of the timer get their turn.
A_TICK = 50

log = structlog.get_logger()


def verify_waiting(database: Database[LibraryStore], files: Files, up_to: int | None = None) -> int:
    """Verify what waits (of up to so many bytes); answers how many were judged.

    Raises FilesAway: the store of files does not answer; and whatever else keeps an item from being
    looked at. That item waits, longer with each try; the next call goes on with another.
    """
    judged = 0
    while judged < A_TICK and (item := database.reader().claim(CLAIM, up_to)) is not None:
        try:
            found = look(files, item, _keeping(database, item.id))
        except Exception:
            database.reader().put_off(item.id)
            raise
        state = database.transact(partial(judge, item_id=item.id, found=found))
        log.info("verified", item=item.id, state=state.value)
        judged += 1
    return judged


def look(files: Files, item: Item, keep: Callable[[], None]) -> Found | None:
    """What the stored bytes of an item are; None where there are none. Raises FilesAway.

    `keep` is called now and then while it takes.
    """
    try:
        return _look(files, item, keep)
    except NoSuchUpload:
        return None


def _look(files: Files, item: Item, keep: Callable[[], None]) -> Found:
    digest, size, head, tail = hashlib.sha256(), 0, b"", b""
    for chunk in files.chunks(item.id):
        digest.update(chunk)
        size += len(chunk)
        head += chunk[: BLOCK - len(head)]
        tail = (tail + chunk[-BLOCK:])[-BLOCK:]
        keep()
    # The same piece of a file that is no longer than one of them: then it is read back once.
    edges = {0: head, size - len(tail): tail}
    file = StoredFile(partial(files.read, item.id), size, edges)
    return Found(
        size=size,
        sha256=digest.hexdigest(),
        types=types_of(file),
        seconds=seconds_of(file) if may_play(item.promised.media_type) else 0.0,
        read_back=size > 0 and _reads_back(files, item.id, edges),
    )


def _reads_back(files: Files, key: str, edges: Mapping[int, bytes]) -> bool:
    """Whether ranged reads give what was hashed. `edges`: pieces of the file by offset."""
    return all(files.read(key, offset, len(piece)) == piece for offset, piece in edges.items())


def _keeping(database: Database[LibraryStore], item_id: str) -> Callable[[], None]:
    """Keeps the claim of an item, and lets others have their turn."""
    renew_at = time.monotonic() + RENEW

    def keep() -> None:
        nonlocal renew_at
        time.sleep(0)  # the worker's hub switches only here while the socket is always full
        if time.monotonic() > renew_at:
            database.reader().extend_claim(item_id, CLAIM)
            renew_at = time.monotonic() + RENEW

    return keep
