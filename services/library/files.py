"""The adapter of the S3 store, with the minio client: multipart uploads, ranged reads, URLs.

The multipart calls of minio are private; only this module uses them (minio 7.2). minio runs on
threads, and also under eventlet, because it uses urllib3's sockets.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, BinaryIO, TypeVar
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error

from chassis.data import s3
from chassis.data.s3 import AWAY, GONE, OURS_ALREADY, PATIENT, QUICK
from services.library.metrics import S3_CALLS
from services.library.ports import FilesAway, NoSuchUpload

T = TypeVar("T")
Query = dict[str, str | list[str] | tuple[str]]

CHUNK = 2**20
# Bytes; minio keeps a part in memory while it sends it.
PART = 16 * 2**20
PARTIAL = 206
# Of a presigned URL (Signature Version 4).
LONGEST_LIFETIME = timedelta(days=7)
log = structlog.get_logger()


def _s3_call(method: Callable[..., T]) -> Callable[..., T]:
    """Return the method with the client's errors turned into the port's, and its calls counted."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> T:
        with _counting(), _translating():
            return method(*args, **kwargs)

    return call


@contextmanager
def _counting() -> Iterator[None]:
    outcome = "answered"
    try:
        yield
    except FilesAway:
        outcome = "away"
        raise
    finally:
        S3_CALLS.labels(outcome).inc()


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in GONE:
            raise NoSuchUpload(str(error.code)) from error
        if error.code in AWAY:
            raise FilesAway(str(error.code)) from error
        raise
    except (urllib3.exceptions.HTTPError, MinioException, ParseError, OSError) as error:
        raise FilesAway(repr(error)[:300]) from error


def open_files(settings: Any) -> "S3Files":
    """Return the S3 store of the library's settings; create its bucket if it is missing.

    If the store can't be reached, the process starts nevertheless: the first upload creates it.
    """
    files = S3Files(settings)
    try:
        files.prepare()
    except FilesAway as error:
        log.warning("the S3 store does not answer yet", why=str(error))
    return files


class S3Files:
    """One bucket of an S3 store, the library's own; `domain.files` tells the keys."""

    def __init__(self, settings: Any) -> None:
        """`settings`: the library's, for the s3_ fields. Sends no request yet."""
        self._quick = _client(settings, settings.s3_endpoint, QUICK)
        self._patient = _client(settings, settings.s3_endpoint, PATIENT)
        # A signature covers the host, so URLs are signed for the host name that clients use.
        public = settings.s3_public_endpoint or settings.s3_endpoint
        self._signer = _client(settings, public, QUICK)
        self._bucket = settings.s3_bucket
        self._lifetime: timedelta = settings.url_lifetime

    @_s3_call
    def prepare(self) -> None:
        """Create the bucket if it is missing. Several processes may do so at once."""
        if self._quick.bucket_exists(self._bucket):
            return
        try:
            self._quick.make_bucket(self._bucket)
        except S3Error as error:
            if error.code not in OURS_ALREADY:
                raise

    def start(self, key: str, media_type: str) -> str:
        """Begin a multipart upload, and return its id; create the bucket if it is missing."""
        try:
            return self._start(key, media_type)
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
        self.prepare()
        return self._start(key, media_type)

    @_s3_call
    def _start(self, key: str, media_type: str) -> str:
        headers: Query = {"Content-Type": media_type}
        return str(self._quick._create_multipart_upload(self._bucket, key, headers))

    @_s3_call
    def stored(self, key: str, multipart: str) -> dict[int, tuple[int, str]]:
        """Return the size in bytes and the entity tag of each stored part, by number."""
        found: dict[int, tuple[int, str]] = {}
        marker = None
        while True:
            page = self._quick._list_parts(self._bucket, key, multipart, part_number_marker=marker)
            for part in page.parts:
                found[part.part_number] = (int(part.size or 0), str(part.etag).strip('"'))
            if not page.is_truncated or not page.parts:
                return found
            marker = str(page.next_part_number_marker)

    def part_url(self, key: str, multipart: str, number: int) -> str:
        """Return a presigned URL for a PUT of one part. Signing sends no request."""
        query: Query = {"uploadId": multipart, "partNumber": str(number)}
        return self._signer.get_presigned_url(
            "PUT", self._bucket, key, expires=self._lifetime, extra_query_params=query
        )

    @_s3_call
    def complete(self, key: str, multipart: str, tags: Mapping[int, str]) -> None:
        """Make the parts one file."""
        parts = [Part(number, tag) for number, tag in sorted(tags.items())]
        result = self._patient._complete_multipart_upload(self._bucket, key, multipart, parts)
        # A slow store answers 200 first, and may still report an error in the body (Amazon S3 API
        # Reference, CompleteMultipartUpload); minio treats that as success.
        if not result.etag:
            raise FilesAway("the S3 store could not make the parts one file")

    def abort(self, key: str, multipart: str) -> None:
        """Abort the multipart upload: delete its parts."""
        with suppress(NoSuchUpload):
            self._abort(key, multipart)

    @_s3_call
    def _abort(self, key: str, multipart: str) -> None:
        self._patient._abort_multipart_upload(self._bucket, key, multipart)

    def unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Yield the key and the id of each multipart upload that was begun before an instant."""
        key = None
        while True:
            page = self._unfinished(key)
            for each in page.uploads:
                if each.initiated_time and each.initiated_time < before:
                    yield each.object_name, each.upload_id
            if not page.is_truncated or not page.uploads:
                return
            # An item is uploaded once, so the key is marker enough (minio 7.2 drops the other).
            key = page.next_key_marker

    @_s3_call
    def _unfinished(self, after: str | None) -> Any:
        # minio sends an empty delimiter; Swift treats it as one that every key contains.
        return self._quick._list_multipart_uploads(self._bucket, delimiter="/", key_marker=after)

    def exists(self, key: str) -> bool:
        """Return whether the complete file exists."""
        try:
            self._stat(key)
        except NoSuchUpload:
            return False
        return True

    @_s3_call
    def _stat(self, key: str) -> None:
        self._quick.stat_object(self._bucket, key)

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the file from its first byte to its last.

        If a stream breaks off, the next continues there; a stream without any byte is not repeated.
        """
        at = 0
        while True:
            begun = at
            try:
                for chunk in self._stream(key, at):
                    at += len(chunk)
                    yield chunk
                return
            except FilesAway as error:
                if at == begun:
                    raise
                log.info("the stream broke off; it is continued", item=key, at=at, why=str(error))

    def _stream(self, key: str, offset: int) -> Iterator[bytes]:
        with self._open(key, offset) as answer, _translating():
            yield from answer.stream(CHUNK)

    @_s3_call
    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return a range of the file; one byte more if the store sends more than the range."""
        with self._open(key, offset, length) as answer:
            return bytes(answer.read(length + 1))

    @contextmanager
    def _open(self, key: str, offset: int, length: int = 0) -> Iterator[Any]:
        """Yield the response with the file from an offset, up to a length (0: to its end)."""
        answer = self._get(key, offset, length)
        try:
            yield answer
        finally:
            answer.close()  # a response that was not read to its end must not go back into the pool
            answer.release_conn()

    @_s3_call
    def _get(self, key: str, offset: int, length: int) -> Any:
        answer = self._patient.get_object(self._bucket, key, offset=offset, length=length)
        if (offset or length) and answer.status != PARTIAL:
            answer.close()
            raise FilesAway(
                f"the S3 store answered a range request with status {answer.status}; it must be 206"
            )
        return answer

    @_s3_call
    def put(self, key: str, content: BinaryIO, size: int, media_type: str) -> None:
        """Store a whole file, in parts if it is large."""
        self._patient.put_object(self._bucket, key, content, size, media_type, part_size=PART)

    @_s3_call
    def remove(self, key: str) -> None:
        """Delete the file."""
        self._patient.remove_object(self._bucket, key)

    def read_url(
        self, key: str, media_type: str, at_least: timedelta = timedelta(0)
    ) -> tuple[str, datetime]:
        """Return a presigned URL for GET, with ranges, and until when it is valid: for half of the
        lifetime of URLs or longer, and `at_least` so long. Signing sends no request.

        For half of its lifetime all readers get the same URL, so that caches on the way serve them:
        whoever knows it may read, and a file never changes (RFC 9111, section 5.2.2; RFC 8246).
        """
        lifetime = min(LONGEST_LIFETIME, max(self._lifetime, 2 * at_least))
        now, half = int(time.time()), int(lifetime.total_seconds()) // 2
        signed = datetime.fromtimestamp(now - now % half if half else now, UTC)
        url = self._signer.get_presigned_url(
            "GET",
            self._bucket,
            key,
            expires=lifetime,
            request_date=signed,
            response_headers={
                "response-content-type": media_type,
                "response-cache-control": f"public, max-age={half}, immutable",
            },
        )
        return url, signed + lifetime


def _client(settings: Any, endpoint: str, timeout: urllib3.Timeout) -> Minio:
    return s3.client(
        endpoint, settings.s3_access_key, settings.s3_secret_key, settings.s3_region, timeout
    )
