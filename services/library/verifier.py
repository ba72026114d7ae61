"""Looks at what was uploaded, byte by byte, before anyone may read it."""

import hashlib
import time
from datetime import timedelta
from functools import partial

import puremagic
import structlog

from chassis.store import Database
from services.library.domain.items import Item
from services.library.domain.playing_time import seconds_of
from services.library.domain.verification import Found
from services.library.domain.words import ItemState
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.store import LibraryStore
from services.library.usecases import uploads
from services.library.usecases.verification import judge

CLAIM = timedelta(seconds=60)
RENEW = 20.0
HEAD, TAIL = 8192, 1024
# A tick ends after so many, so that a stop and the other timers get their turn.
A_TICK = 50

log = structlog.get_logger()


def verify_waiting(database: Database[LibraryStore], files: Files) -> int:
    """Verify what waits; answers how many were judged. With the store of files away, none."""
    judged = 0
    while judged < A_TICK and (item := database.reader().claim(CLAIM)) is not None:
        try:
            found = look(database, files, item)
        except FilesAway as error:
            log.warning("verification waits for the S3 store", item=item.id, why=str(error))
            break
        state = database.transact(partial(judge, item_id=item.id, found=found))
        if state is ItemState.FAILED:
            files.remove(item.id)
        judged += 1
    return judged


def look(database: Database[LibraryStore], files: Files, item: Item) -> Found:
    """What the stored bytes of an item are. Raises FilesAway."""
    digest, size, head, tail = hashlib.sha256(), 0, b"", b""
    renew_at = time.monotonic() + RENEW
    try:
        for chunk in files.chunks(item.id):
            digest.update(chunk)
            size += len(chunk)
            head = head if len(head) >= HEAD else (head + chunk)[:HEAD]
            tail = (tail + chunk)[-TAIL:]
            if time.monotonic() > renew_at:
                database.reader().extend_claim(item.id, CLAIM)
                renew_at = time.monotonic() + RENEW
        return Found(
            size=size,
            sha256=digest.hexdigest(),
            types=types_of(head),
            seconds=seconds_of(lambda at, length: _read(files, item.id, at, length, size), size),
            read_back=_reads_back(files, item.id, head[:TAIL], tail, size),
        )
    except NoSuchUpload:
        return Found(size=0, sha256="", types=(), read_back=False)


def types_of(head: bytes) -> frozenset[str]:
    """Every media type that the first bytes of a file fit."""
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return frozenset()
    return frozenset(each.mime_type for each in found if each.mime_type)


def _read(files: Files, key: str, offset: int, length: int, size: int) -> bytes:
    """A range, cut where the file ends: a store refuses one that begins behind it."""
    length = min(length, size - offset)
    return files.read(key, offset, length) if length > 0 else b""


def _reads_back(files: Files, key: str, first: bytes, last: bytes, size: int) -> bool:
    """Whether ranged reads give the first and the last bytes as they were hashed."""
    if not size:
        return False
    begin = files.read(key, 0, len(first))
    return begin == first and files.read(key, size - len(last), len(last)) == last


def expire(database: Database[LibraryStore], files: Files, after: timedelta) -> None:
    """Give up uploads that nobody completed, and free their parts."""
    before = database.clock.now() - after
    while (upload := database.reader().stale_upload(before)) is not None:
        files.abort(upload.item_id, upload.multipart)
        reason = f"it was not completed within {after}"
        database.transact(partial(uploads.give_up, upload_id=upload.id, reason=reason))
