"""The calls to the S3 store for an upload, made outside of transactions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

from chassis import ids
from chassis.errors import FailedPrecondition, Unavailable
from services.library.domain.items import StartUpload, Upload
from services.library.domain.parts import part_size_for, part_violations, plan
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.usecases.uploads import UploadTarget

log = structlog.get_logger()


def open_target(files: Files, command: StartUpload, part_size: int) -> UploadTarget:
    """Begin a multipart upload for an announced file, and return it. Raises Unavailable."""
    item_id = ids.new_id()
    with answering():
        multipart = files.start(item_id, command.media_type)
    return UploadTarget(
        upload_id=ids.new_id(),
        item_id=item_id,
        multipart=multipart,
        part_size=part_size_for(command.size, part_size),
    )


def close_target(files: Files, target: UploadTarget) -> None:
    """Abort a multipart upload that no upload uses; if that fails, the expiry does it later."""
    try:
        files.abort(target.item_id, target.multipart)
    except FilesAway as error:
        log.info(
            "the multipart upload can't be aborted now; the expiry aborts it",
            item=target.item_id,
            why=str(error),
        )


def stored_sizes(files: Files, upload: Upload) -> Mapping[int, int]:
    """Return the sizes in bytes of the stored parts by number; of all if they are one file already.

    Raises Unavailable.
    """
    with answering():
        try:
            stored = files.stored(upload.item_id, upload.multipart)
        except NoSuchUpload:
            whole = files.exists(upload.item_id)
            parts = plan(upload.size, upload.part_size) if whole else []
            return {part.number: part.size for part in parts}
    return {number: size for number, (size, _) in stored.items()}


def put_together(files: Files, upload: Upload) -> None:
    """Make the parts one file, unless they are already: a process may have ended just after that.

    Raises FailedPrecondition with every part that is missing or has another size; Unavailable.
    """
    with answering():
        try:
            tags = _complete_parts(upload, files.stored(upload.item_id, upload.multipart))
            _complete(files, upload, tags)
        except NoSuchUpload:
            if not files.exists(upload.item_id):
                raise FailedPrecondition(
                    "the S3 store has lost the parts; start a new upload"
                ) from None


def _complete(files: Files, upload: Upload, tags: Mapping[int, str]) -> None:
    """Complete the multipart upload. Raises FilesAway, unless the file is there nevertheless: of
    completions at the same time a store may refuse all but one.
    """
    try:
        files.complete(upload.item_id, upload.multipart, tags)
    except FilesAway:
        if not files.exists(upload.item_id):
            raise


def _complete_parts(upload: Upload, stored: Mapping[int, tuple[int, str]]) -> Mapping[int, str]:
    """Return the entity tags of the upload's parts by number."""
    parts = plan(upload.size, upload.part_size)
    violations = list(
        part_violations(parts, {number: size for number, (size, _) in stored.items()})
    )
    if violations:
        raise FailedPrecondition("the upload is not complete", violations)
    return {part.number: stored[part.number][1] for part in parts}


@contextmanager
def answering() -> Iterator[None]:
    """Raise Unavailable if the S3 store does not answer."""
    try:
        yield
    except FilesAway as error:
        log.warning("the S3 store does not answer", why=str(error))
        raise Unavailable("the S3 store does not answer") from error
