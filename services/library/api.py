"""library.proto over the use cases. The S3 store is asked outside of the transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tandem.library.v1 import library_pb2, library_pb2_grpc, resources_pb2

from chassis import caller, ids
from chassis.commands import execute
from chassis.mapping import from_document, from_message, to_message
from chassis.pages import find_page, page_of
from chassis.refusals import Denied, FailedPrecondition, Unavailable
from chassis.store import Database
from services.library.domain.items import Item, StartUpload, Upload
from services.library.domain.parts import Part, part_faults, part_size_for, plan
from services.library.domain.words import UploadState
from services.library.ports import Files, FilesAway, NoSuchUpload
from services.library.store import LibraryStore
from services.library.usecases import reading, uploads
from services.library.usecases.uploads import Place

STAFF = frozenset({"instructor", "registrar", "service"})


class LibraryApi(library_pb2_grpc.LibraryServiceServicer):
    """The digital library."""

    def __init__(
        self,
        database: Database[LibraryStore],
        files: Files,
        part_size: int,
        url_lifetime: timedelta,
    ) -> None:
        self._database, self._files = database, files
        self._part_size, self._url_lifetime = part_size, url_lifetime

    def StartUpload(
        self, request: library_pb2.StartUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        command = from_message(request, StartUpload)
        uploads.check_start(command)
        uploader = caller.current().subject
        item_id, part_size = ids.new_id(), part_size_for(command.size, self._part_size)
        with _answering():
            multipart = self._files.start(item_id, command.media_type)
        place = Place(
            upload_id=ids.new_id(), item_id=item_id, multipart=multipart, part_size=part_size
        )
        answer = execute(
            self._database,
            request,
            resources_pb2.Upload,
            lambda store: uploads.start(store, command, place, uploader),
        )
        if answer.id != place.upload_id:  # a repeat: the first answer's upload is the one
            self._files.abort(item_id, multipart)
        return self._describe(uploads.the_upload(self._database.reader(), answer.id))

    def GetUpload(
        self, request: library_pb2.GetUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        return self._describe(uploads.the_upload(self._database.reader(), request.upload_id))

    def CompleteUpload(
        self, request: library_pb2.CompleteUploadRequest, _context: Any
    ) -> resources_pb2.Item:
        upload = uploads.the_upload(self._database.reader(), request.upload_id)
        if upload.state is UploadState.OPEN:
            with _answering():
                self._put_together(upload)
        return execute(
            self._database,
            request,
            resources_pb2.Item,
            lambda store: uploads.hand_over(store, upload.id),
        )

    def AbortUpload(
        self, request: library_pb2.AbortUploadRequest, _context: Any
    ) -> resources_pb2.Upload:
        upload = self._database.transact(
            lambda store: uploads.give_up(store, request.upload_id, "its upload was given up")
        )
        with _answering():
            self._files.abort(upload.item_id, upload.multipart)
        return self._describe(upload)

    def GetItem(self, request: library_pb2.GetItemRequest, _context: Any) -> resources_pb2.Item:
        item = uploads.the_item(self._database.reader(), request.item_id)
        return to_message(item, resources_pb2.Item)

    def ListItems(
        self, request: library_pb2.ListItemsRequest, _context: Any
    ) -> library_pb2.ListItemsResponse:
        query = {"_id": {"$in": list(request.item_ids)}} if request.item_ids else {}
        rows, token = find_page(
            self._database.reader()["items"], query, [("_id", -1)], page_of(request)
        )
        items = [to_message(from_document(row, Item), resources_pb2.Item) for row in rows]
        return library_pb2.ListItemsResponse(items=items, next_page_token=token)

    def GetReadUrl(
        self, request: library_pb2.GetReadUrlRequest, _context: Any
    ) -> library_pb2.GetReadUrlResponse:
        if not request.reader_id and not STAFF & caller.current().roles:
            raise Denied("only staff may read without saying for whom")
        item = reading.readable(self._database.reader(), request.item_id, request.reader_id)
        (rendition,) = item.renditions
        answer = library_pb2.GetReadUrlResponse(
            url=self._files.read_url(item.id, rendition.media_type),
            media_type=rendition.media_type,
            size=rendition.size,
        )
        answer.expires_at.FromDatetime(self._urls_end())
        return answer

    def _put_together(self, upload: Upload) -> None:
        """Complete the multipart upload. One that the store has forgotten may be complete already.

        Raises FailedPrecondition for parts that are missing or have another size.
        """
        try:
            stored = self._files.stored(upload.item_id, upload.multipart)
            sizes = {number: size for number, (size, _) in stored.items()}
            faults = list(part_faults(plan(upload.size, upload.part_size), sizes))
            if faults:
                raise FailedPrecondition("the upload is not complete", faults)
            tags = {number: tag for number, (_, tag) in stored.items()}
            self._files.complete(upload.item_id, upload.multipart, tags)
        except NoSuchUpload:
            if not self._files.exists(upload.item_id):
                raise FailedPrecondition("the store has lost the parts; start anew") from None

    def _describe(self, upload: Upload) -> resources_pb2.Upload:
        """The upload with its parts, and fresh URLs for those that are missing."""
        answer = to_message(upload, resources_pb2.Upload)
        if upload.state is UploadState.OPEN:
            with _answering():
                stored = self._stored_sizes(upload)
            for part in plan(upload.size, upload.part_size):
                answer.parts.append(self._part(upload, part, stored.get(part.number) == part.size))
            answer.urls_expire_at.FromDatetime(self._urls_end())
        return answer

    def _stored_sizes(self, upload: Upload) -> dict[int, int]:
        try:
            stored = self._files.stored(upload.item_id, upload.multipart)
        except NoSuchUpload:
            return {}
        return {number: size for number, (size, _) in stored.items()}

    def _part(self, upload: Upload, part: Part, stored: bool) -> resources_pb2.UploadPart:
        url = "" if stored else self._files.part_url(upload.item_id, upload.multipart, part.number)
        return to_message(part, resources_pb2.UploadPart, stored=stored, url=url)

    def _urls_end(self) -> datetime:
        """By the store's clock, which is the system's and never the steered one."""
        return datetime.now(UTC) + self._url_lifetime


@contextmanager
def _answering() -> Iterator[None]:
    """Turn a store that does not answer into UNAVAILABLE."""
    try:
        yield
    except FilesAway as error:
        raise Unavailable("the store of files does not answer") from error
