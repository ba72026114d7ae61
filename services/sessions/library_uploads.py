"""The client of the library service: uploads files as any client does, and goes on where it ended.

Announce, PUT the parts to the S3 store, complete. The same announcement again is the same upload,
so a process that was killed leaves nothing behind that another one does not finish.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import grpc
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.types.v1 import types_pb2

from services.sessions.providers.http import SHOWN, Limits, call
from services.sessions.providers.port import ProviderAway

OPEN, ABORTED = resources_pb2.UPLOAD_STATE_OPEN, resources_pb2.UPLOAD_STATE_ABORTED
LIMITS = Limits(connect=10, read=60, total=600)
"""Of one part."""
_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)


class LibraryAway(Exception):
    """The library or its S3 store does not answer, or does not let us in: try again."""


class LibraryRefused(Exception):
    """The library refused a file, and would again: the reason, as it told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A file to upload."""

    request_id: str
    """The same for the same file."""
    is_text: bool
    """Whether it is captions or a transcript; else it is a recording."""
    title: str
    language: str
    """A language tag (BCP 47)."""
    media_type: str
    size: int
    sha256: str


class GrpcLibrary:
    """Calls the library service over gRPC, and its S3 store over HTTP."""

    def __init__(self, channel: grpc.Channel, store: str = "") -> None:
        """`store`: the S3 store's address from here, if it differs from that of presigned URLs."""
        self._stub, self._store = LibraryServiceStub(channel), store.rstrip("/")

    def start(self, file: Announcement) -> resources_pb2.Upload:
        """Announce a file; return its upload as it is now. Raises LibraryAway, LibraryRefused.

        The item is for no run: only what names it, a session's recording, lets people read it.
        """
        kind = types_pb2.ITEM_KIND_CAPTIONS if file.is_text else types_pb2.ITEM_KIND_RECORDING
        asked = library_pb2.StartUploadRequest(
            request_id=file.request_id,
            kind=kind,
            metadata=resources_pb2.Metadata(title=file.title, language=file.language),
            media_type=file.media_type,
            size=file.size,
            sha256=file.sha256,
        )
        with _answering():
            return self._stub.StartUpload(asked)

    def finish(
        self, upload: resources_pb2.Upload, file: BinaryIO, go_on: Callable[[], object]
    ) -> None:
        """Send the parts that are missing, and complete the upload; a repeat does nothing.

        `go_on` is called before each part, and may raise. Raises LibraryAway, LibraryRefused.
        """
        if upload.state == ABORTED:
            raise LibraryRefused("its upload was given up")
        if upload.state != OPEN:
            return
        for part in upload.parts:
            if not part.stored:
                go_on()
                file.seek(part.offset)
                self._put(part.url, file.read(part.size))
        with _answering():
            self._stub.CompleteUpload(library_pb2.CompleteUploadRequest(upload_id=upload.id))

    def _put(self, url: str, content: bytes) -> None:
        public = urlsplit(url)
        # The signature covers the header Host, so it stays the public address.
        address = f"{public.scheme}://{public.netloc}"
        target = url.replace(address, self._store, 1) if self._store else url
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        # By Content-MD5 (RFC 1864) the S3 store refuses bytes that changed on their way.
        headers = {"host": public.netloc, "content-md5": base64.b64encode(digest).decode()}
        try:
            answer = call("PUT", target, headers=headers, body=content, limits=LIMITS)
        except ProviderAway as error:
            raise LibraryAway(f"the S3 store is away: {error}") from error
        if answer.status != 200:
            raise LibraryAway(f"the S3 store answered {answer.status}: {answer.body[:SHOWN]!r}")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        reason = f"{error.code().name}: {error.details()}"
        if error.code() in _REFUSALS:
            raise LibraryRefused(reason) from error
        raise LibraryAway(f"the library does not answer: {reason}") from error
