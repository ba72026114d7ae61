"""Uploads files to the library like any client: announce, PUT the parts, complete.

A part is read while it is sent, so a large file needs no more memory than a small one.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock
from urllib.parse import urlsplit

import grpc
import urllib3
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.types.v1 import types_pb2
from urllib3.exceptions import HTTPError

from campus.services import Services

# Bytes that are read and sent at once.
CHUNK = 2**18
AT_ONCE = 4
# Seconds between two attempts of which the first stored nothing: 0.5, 1, 2, ... 32; after the last
# the upload gives up.
FIRST_PAUSE, PAUSES = 0.5, 7
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
OPEN = resources_pb2.UPLOAD_STATE_OPEN

Read = Callable[[int, int], bytes]
"""Reads bytes of a file: (offset, length); fewer at its end. Called from several threads."""
Tell = Callable[[int], None]
"""Is told how many bytes are done."""

_http = urllib3.PoolManager(maxsize=16, timeout=urllib3.Timeout(connect=10, read=60))


class UploadError(Exception):
    """The S3 store refused to store or to read a part, or a file can't be uploaded."""


class PartRefused(UploadError):
    """The S3 store refused a part; with a new URL it may accept it."""


def upload(
    services: Services,
    title: str,
    content: bytes,
    kind: "types_pb2.ItemKind.ValueType",
    media_type: str,
    run_ids: list[str] | None = None,
    request_id: str = "",
    store: str = "",
) -> str:
    """Upload `content`; return the item's id. It is AVAILABLE after the library has verified it.

    `store`: the S3 store's address from here, if it differs from the public one. Raises
    UploadError if the store refuses a part.
    """
    started = services.library.StartUpload(
        library_pb2.StartUploadRequest(
            request_id=request_id,
            kind=kind,
            metadata=resources_pb2.Metadata(title=title),
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            run_ids=run_ids or [],
        )
    )
    read: Read = lambda offset, length: content[offset : offset + length]  # noqa: E731
    Transfer(services.library, read, store=store).finish(started)
    return started.item_id


def read_range(url: str, first: int, last: int) -> bytes:
    """Return bytes `first` to `last`, both included, of a read URL's file (RFC 9110, section 14).

    Raises UploadError if the store answers with anything else.
    """
    answer = _http.request("GET", url, headers={"Range": f"bytes={first}-{last}"})
    if answer.status != 206:
        raise UploadError(f"the store answered {answer.status} to a range request; expected 206")
    return answer.data


class Transfer:
    """Brings an announced file into the S3 store, several parts at once.

    After an error it asks the library which parts are missing, with new URLs, and goes on with
    these: the same way as after a crash, or from another machine.
    """

    def __init__(
        self,
        library: LibraryServiceStub,
        read: Read,
        tell: Tell = lambda _: None,
        at_once: int = AT_ONCE,
        store: str = "",
    ) -> None:
        """`store`: the S3 store's address from here, if it differs from the public one."""
        self._library, self._read, self._tell = library, read, tell
        self._at_once, self._store = at_once, store
        self._done, self._lock, self._stopped = 0, Lock(), Event()

    def finish(self, upload: resources_pb2.Upload) -> None:
        """Send the missing parts, and complete the upload; do nothing if it is completed.

        Raises UploadError, HTTPError or grpc.RpcError if several attempts stored nothing.
        """
        pauses, stored = growing_pauses(), _stored(upload)
        while upload.state == OPEN:
            try:
                self._send(upload)
                complete = library_pb2.CompleteUploadRequest(upload_id=upload.id)
                self._library.CompleteUpload(complete)
                return
            except (PartRefused, HTTPError, grpc.RpcError) as error:
                upload = self._again(upload, error, pauses)
            if _stored(upload) > stored:
                pauses, stored = growing_pauses(), _stored(upload)
        if upload.state == resources_pb2.UPLOAD_STATE_ABORTED:
            raise UploadError("the upload was given up")

    def _again(
        self, upload: resources_pb2.Upload, error: Exception, pauses: Iterator[float]
    ) -> resources_pb2.Upload:
        """Wait, and return the upload as it is then. Raises the error if it is not worth it."""
        pause = next(pauses, None)
        if pause is None or not _may_pass(error):
            raise error
        time.sleep(pause)
        try:
            return self._library.GetUpload(library_pb2.GetUploadRequest(upload_id=upload.id))
        except grpc.RpcError as another:
            return self._again(upload, another, pauses)

    def _send(self, upload: resources_pb2.Upload) -> None:
        """PUT the missing parts. The first error ends it, after the parts that are on their way."""
        self._count(_stored(upload) - self._done)  # without what was sent in vain
        missing = [part for part in upload.parts if not part.stored]
        pool = ThreadPoolExecutor(self._at_once)
        try:
            for sent in as_completed([pool.submit(self._put, part) for part in missing]):
                sent.result()
        except KeyboardInterrupt:  # parts that are on their way end, too
            self._stopped.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _put(self, part: resources_pb2.UploadPart) -> None:
        """PUT a part. Raises PartRefused, HTTPError, and UploadError if the file is too short."""
        public = urlsplit(part.url)
        # The signature covers the header Host, so it stays the public address.
        address = f"{public.scheme}://{public.netloc}"
        url = part.url.replace(address, self._store, 1) if self._store else part.url
        headers = {"Host": public.netloc, "Content-Length": str(part.size)}
        answer = _http.request("PUT", url, body=self._chunks(part), headers=headers, retries=False)
        if answer.status != 200:
            text = f"the store answered {answer.status} to a part: {answer.data[:200]!r}"
            raise PartRefused(text)

    def _chunks(self, part: resources_pb2.UploadPart) -> Iterator[bytes]:
        end = part.offset + part.size
        for offset in range(part.offset, end, CHUNK):
            if self._stopped.is_set():
                raise UploadError("the upload was interrupted")
            length = min(CHUNK, end - offset)
            chunk = self._read(offset, length)
            if len(chunk) < length:
                raise UploadError("the file has become shorter while it was uploaded")
            yield chunk
            self._count(length)

    def _count(self, more: int) -> None:
        with self._lock:
            self._done += more
            self._tell(self._done)


def growing_pauses() -> Iterator[float]:
    """Return the seconds to wait between attempts of which each failed."""
    return (FIRST_PAUSE * 2**times for times in range(PAUSES))


def _stored(upload: resources_pb2.Upload) -> int:
    """Return how many bytes the S3 store has."""
    return sum(part.size for part in upload.parts if part.stored)


def _may_pass(error: Exception) -> bool:
    """Return whether another attempt may succeed."""
    return not isinstance(error, grpc.RpcError) or error.code() in AWAY
