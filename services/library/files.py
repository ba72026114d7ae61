"""The S3 store, by the minio client: multipart uploads, ranged reads, presigned URLs.

minio keeps its multipart calls private; they are wrapped here and nowhere else (minio 7.2). It runs
on threads and, its sockets being urllib3's, under eventlet.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import structlog
import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error

from services.library.metrics import S3_CALLS
from services.library.ports import FilesAway, NoSuchUpload

T = TypeVar("T")
Query = dict[str, str | list[str] | tuple[str]]

CHUNK = 2**20
PARTIAL = 206
# What an S3 store says of a file that nobody will read again. BrokenMPU: Swift misses a part of it;
# InvalidObjectState: it was moved to an archive.
GONE = ("NoSuchUpload", "NoSuchKey", "BrokenMPU", "InvalidObjectState")
# What an S3 store says when it is it, and not the file, that fails. InvalidPart: a part was put
# again between our look at the parts and their completion; the next try sees it.
AWAY = (
    "InternalError",
    "InvalidPart",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
)
OURS_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
# Seconds. Small questions, of which two tries fit the 10 s that a caller waits: a store that stalls
# must not take all threads of the api. What moves or makes a file takes as long as it takes.
QUICK = urllib3.Timeout(connect=2, read=4)
PATIENT = urllib3.Timeout(connect=5, read=60)
# A connection that the store closed while it lay in the pool deserves another try; more patience is
# the caller's business. POST (to complete) is only tried again where it never arrived.
RETRIES = urllib3.Retry(total=1, redirect=0, status=0)

log = structlog.get_logger()


def _speaking(method: Callable[..., T]) -> Callable[..., T]:
    """Turn the client's errors into the port's, and count the calls."""

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
    """The store that the library's settings name, its bucket made where it is missing.

    With the store away the process starts all the same: the first upload makes the bucket.
    """
    files = S3Files(settings)
    try:
        files.prepare()
    except FilesAway as error:
        log.warning("the S3 store does not answer yet", why=str(error))
    return files


class S3Files:
    """One bucket of an S3 store, the library's own; keys are item ids."""

    def __init__(self, settings: Any) -> None:
        """`settings`: the library's, for the s3_ fields. Asks nobody yet."""
        self._quick = _client(settings, settings.s3_endpoint, QUICK)
        self._patient = _client(settings, settings.s3_endpoint, PATIENT)
        # A signature covers the host, so URLs are signed for the name that their readers use.
        public = settings.s3_public_endpoint or settings.s3_endpoint
        self._signer = _client(settings, public, QUICK)
        self._bucket = settings.s3_bucket
        self._lifetime: timedelta = settings.url_lifetime

    @_speaking
    def prepare(self) -> None:
        """Make the bucket where it is missing. Safe side by side."""
        if self._quick.bucket_exists(self._bucket):
            return
        try:
            self._quick.make_bucket(self._bucket)
        except S3Error as error:
            if error.code not in OURS_ALREADY:
                raise

    def start(self, key: str, media_type: str) -> str:
        """Begin a multipart upload; makes the bucket where it is missing."""
        try:
            return self._start(key, media_type)
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
        self.prepare()
        return self._start(key, media_type)

    @_speaking
    def _start(self, key: str, media_type: str) -> str:
        headers: Query = {"Content-Type": media_type}
        return str(self._quick._create_multipart_upload(self._bucket, key, headers))

    @_speaking
    def stored(self, key: str, multipart: str) -> dict[int, tuple[int, str]]:
        """Size and entity tag of each part that is there."""
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
        """A presigned URL for a PUT of one part. Signing asks nobody."""
        query: Query = {"uploadId": multipart, "partNumber": str(number)}
        return self._signer.get_presigned_url(
            "PUT", self._bucket, key, expires=self._lifetime, extra_query_params=query
        )

    @_speaking
    def complete(self, key: str, multipart: str, tags: Mapping[int, str]) -> None:
        """Put the parts together."""
        parts = [Part(number, tag) for number, tag in sorted(tags.items())]
        result = self._patient._complete_multipart_upload(self._bucket, key, multipart, parts)
        # A store that takes long answers 200 first, and may yet tell an error in the body (Amazon
        # S3 API Reference, CompleteMultipartUpload); minio takes that for success.
        if not result.etag:
            raise FilesAway("the store could not put the parts together")

    def abort(self, key: str, multipart: str) -> None:
        """Give the parts up."""
        with suppress(NoSuchUpload):
            self._abort(key, multipart)

    @_speaking
    def _abort(self, key: str, multipart: str) -> None:
        self._patient._abort_multipart_upload(self._bucket, key, multipart)

    def unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Key and name of each multipart upload that was begun before an instant."""
        key = None
        while True:
            page = self._unfinished(key)
            for each in page.uploads:
                if each.initiated_time and each.initiated_time < before:
                    yield each.object_name, each.upload_id
            if not page.is_truncated or not page.uploads:
                return
            # An item is uploaded once, so a key is enough of a marker (minio 7.2 loses the other).
            key = page.next_key_marker

    @_speaking
    def _unfinished(self, after: str | None) -> Any:
        # Left empty, as minio does, Swift takes the delimiter for one that is in every key.
        return self._quick._list_multipart_uploads(self._bucket, delimiter="/", key_marker=after)

    def exists(self, key: str) -> bool:
        """Whether the whole file is there."""
        try:
            self._stat(key)
        except NoSuchUpload:
            return False
        return True

    @_speaking
    def _stat(self, key: str) -> None:
        self._quick.stat_object(self._bucket, key)

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file from its first byte to its last.

        Where a stream breaks off, the next goes on; one that brings nothing is the last.
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
                log.info("a stream is taken up again", item=key, at=at, why=str(error))

    def _stream(self, key: str, offset: int) -> Iterator[bytes]:
        with self._open(key, offset) as answer, _translating():
            yield from answer.stream(CHUNK)

    @_speaking
    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of the file; a byte more where the store gives more than was asked for."""
        with self._open(key, offset, length) as answer:
            return bytes(answer.read(length + 1))

    @contextmanager
    def _open(self, key: str, offset: int, length: int = 0) -> Iterator[Any]:
        """The answer with the file from an offset, up to a length (0: to its end)."""
        answer = self._get(key, offset, length)
        try:
            yield answer
        finally:
            answer.close()  # what was not read to its end must not go back into the pool open
            answer.release_conn()

    @_speaking
    def _get(self, key: str, offset: int, length: int) -> Any:
        answer = self._patient.get_object(self._bucket, key, offset=offset, length=length)
        if (offset or length) and answer.status != PARTIAL:
            answer.close()
            raise FilesAway(f"the store answered {answer.status} to a range; right would be 206")
        return answer

    @_speaking
    def remove(self, key: str) -> None:
        """Delete the file."""
        self._patient.remove_object(self._bucket, key)

    def read_url(self, key: str, media_type: str) -> str:
        """A presigned URL for GET, with ranges. Signing asks nobody."""
        return self._signer.get_presigned_url(
            "GET",
            self._bucket,
            key,
            expires=self._lifetime,
            response_headers={"response-content-type": media_type},
        )


def _client(settings: Any, endpoint: str, timeout: urllib3.Timeout) -> Minio:
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=address.scheme == "https",
        # given, so that no request asks the store where its bucket is
        region=settings.s3_region,
        http_client=urllib3.PoolManager(timeout=timeout, maxsize=32, retries=RETRIES),
    )
