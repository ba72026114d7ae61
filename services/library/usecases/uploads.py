"""Uploads: start, complete, give up."""

from dataclasses import dataclass, replace

from chassis.errors import FailedPrecondition, check
from services.library.domain.enums import Access, ItemState, UploadState
from services.library.domain.items import (
    Item,
    PendingDeletion,
    Rendition,
    StartUpload,
    Upload,
    run_violations,
)
from services.library.domain.metadata import as_stored, metadata_violations
from services.library.domain.types import kind_violations
from services.library.domain.verification import failed
from services.library.ports import Store
from services.library.usecases import versions
from services.library.usecases.lookup import get_item, get_upload
from services.library.usecases.quotas import check_room


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """The multipart upload for an announced file; made in the S3 store before the unit of work."""

    upload_id: str
    item_id: str
    multipart: str
    part_size: int


def check_start(command: StartUpload) -> None:
    """Raise Invalid unless a file like this may be uploaded."""
    check(
        [
            *kind_violations(command.kind, command.media_type),
            *run_violations(command.run_ids),
            *metadata_violations(command.metadata),
        ]
    )


def start(
    store: Store, command: StartUpload, target: UploadTarget, uploader: str, quota: int
) -> Upload:
    """Store an open upload and its item; return the upload. `quota`: the default of all runs.

    Raises NotFound and FailedPrecondition if the item can't be the next version of another one, or
    if a run has no room for the file.
    """
    check_room(store, command.run_ids, command.size, quota)
    promised = Rendition(
        name="original",
        media_type=command.media_type,
        size=command.size,
        sha256=command.sha256,
    )
    item = Item(
        id=target.item_id,
        kind=command.kind,
        metadata=as_stored(command.metadata, command.kind, command.media_type),
        state=ItemState.UPLOADING,
        run_ids=command.run_ids,
        seconds=command.seconds,
        uploaded_by=uploader,
        access=command.access or Access.RUNS,
        not_before=command.not_before,
        created_at=store.now,
        promised=promised,
    )
    upload = Upload(
        id=target.upload_id,
        item_id=item.id,
        state=UploadState.OPEN,
        size=command.size,
        part_size=target.part_size,
        multipart=target.multipart,
        started_at=store.now,
    )
    store.put_item(versions.announce(store, item, command.replaces_item_id))
    store.put_upload(upload)
    return upload


def hand_over(store: Store, upload_id: str) -> Item:
    """Let the item be verified, and return it. A repeat changes nothing."""
    upload = get_upload(store, upload_id)
    item = get_item(store, upload.item_id)
    if upload.state is UploadState.COMPLETED:
        return item
    if upload.state is UploadState.ABORTED:
        raise FailedPrecondition(f"upload {upload_id!r} was given up")
    store.put_upload(replace(upload, state=UploadState.COMPLETED))
    after = replace(item, state=ItemState.VERIFYING)
    store.put_item(after)
    return after


def give_up(store: Store, upload_id: str, reason: str) -> Upload:
    """Abort the upload, fail its item, and return the upload. Raises FailedPrecondition if it is
    completed.
    """
    upload = get_upload(store, upload_id)
    if upload.state is UploadState.COMPLETED:
        raise FailedPrecondition(
            f"upload {upload_id!r} is completed; its item is {upload.item_id!r}"
        )
    if upload.state is UploadState.ABORTED:
        return upload
    item, event = failed(get_item(store, upload.item_id), reason, store.now)
    after = replace(upload, state=UploadState.ABORTED)
    store.put_item(item)
    store.put_upload(after)
    store.discard(PendingDeletion(id=item.id, multipart=upload.multipart))
    store.record_event(event)
    return after


def discard_late(store: Store, upload_id: str) -> None:
    """Delete the file of an upload that was given up while its parts became one file."""
    upload = get_upload(store, upload_id)
    if upload.state is UploadState.ABORTED:
        store.discard(PendingDeletion(id=upload.item_id, multipart=upload.multipart))


def expire(store: Store, upload_id: str, reason: str) -> None:
    """Give up an upload if it is still open."""
    if get_upload(store, upload_id).state is UploadState.OPEN:
        give_up(store, upload_id, reason)
