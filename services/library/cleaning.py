"""Deletes files that no item needs from the S3 store."""

from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from chassis.data.store import Database
from services.library.domain.items import PendingDeletion
from services.library.ports import Files, FilesAway
from services.library.store import LibraryStore
from services.library.usecases import packs, uploads

log = structlog.get_logger()


def sweep(database: Database[LibraryStore], files: Files) -> None:
    """Do pending deletions. The next sweep tries failed ones again. Raises FilesAway."""
    for pending_deletion in database.reader().pending_deletions():
        try:
            remove(database, files, pending_deletion)
        except FilesAway:
            raise
        except Exception as error:  # a deletion that the store refuses does not block others
            log.warning(
                "the file can't be deleted", item=pending_deletion.id, why=repr(error)[:300]
            )


def remove(
    database: Database[LibraryStore], files: Files, pending_deletion: PendingDeletion
) -> None:
    """Do one pending deletion, and remove it from the list. Raises FilesAway."""
    if pending_deletion.multipart:
        files.abort(pending_deletion.id, pending_deletion.multipart)
    files.remove(pending_deletion.id)
    database.reader().forget(pending_deletion)


def release_copies(database: Database[LibraryStore], now: datetime) -> None:
    """Let the next sweep delete the copies that are due. `now`: by the system's clock."""
    database.transact(lambda store: store.release_copies(now))


def expire_packs(database: Database[LibraryStore]) -> None:
    """Remove offline packs for which nobody asked for a long time."""
    for pack_id in database.reader().stale_packs(database.clock.now() - packs.KEPT):
        database.transact(partial(packs.expire, pack_id=pack_id))


def expire(database: Database[LibraryStore], files: Files, after: timedelta) -> None:
    """Give up uploads that nobody completed, and delete parts that belong to no upload."""
    reason = f"its upload was not completed within {after}"
    for upload in database.reader().stale_uploads(database.clock.now() - after):
        database.transact(partial(uploads.expire, upload_id=upload.id, reason=reason))
    # Multipart uploads whose request was a repeat, or whose process ended before its commit. The
    # S3 store dates them by its own clock, so the system's clock is used, not the steered one.
    for key, multipart in files.unfinished(datetime.now(UTC) - after):
        if not database.reader().has_open_upload(key):
            files.abort(key, multipart)
