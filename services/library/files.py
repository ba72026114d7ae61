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
GONE = ("NoSuchUpload", "NoSuchKey")
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
# A connection that the store closed while it lay in the pool deserves another try; more patience is
# the caller's business. POST (to complete) is only tried again where it never arrived.
RETRIES = urllib3.Retry(total=2, redirect=0, status=0, backoff_factor=0.1)

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
        self._client = _client(settings, settings.s3_endpoint)
        # A signature covers the host, so URLs are signed for the name that their readers use.
        self._signer = _client(settings, settings.s3_public_endpoint or settings.s3_endpoint)
        self._bucket = settings.s3_bucket
        self._lifetime: timedelta = settings.url_lifetime

    @_speaking
    def prepare(self) -> None:
        """Make the bucket where it is missing. Safe side by side."""
        if self._client.bucket_exists(self._bucket):
            return
        try:
            self._client.make_bucket(self._bucket)
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
        return str(self._client._create_multipart_upload(self._bucket, key, headers))

    @_speaking
    def stored(self, key: str, multipart: str) -> dict[int, tuple[int, str]]:
        """Size and entity tag of each part that is there."""
        found: dict[int, tuple[int, str]] = {}
        marker = None
        while True:
            page = self._client._list_parts(self._bucket, key, multipart, part_number_marker=marker)
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
        result = self._client._complete_multipart_upload(self._bucket, key, multipart, parts)
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
        self._client._abort_multipart_upload(self._bucket, key, multipart)

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
        return self._client._list_multipart_uploads(self._bucket, delimiter="/", key_marker=after)

    def exists(self, key: str) -> bool:
        """Whether the whole file is there."""
        try:
            self._stat(key)
        except NoSuchUpload:
            return False
        return True

    @_speaking
    def _stat(self, key: str) -> None:
        self._client.stat_object(self._bucket, key)

    def chunks(self, key: str) -> Iterator[bytes]:
        """The file from its first byte to its last."""
        answer = self._open(key, 0, 0)
        try:
            yield from answer.stream(CHUNK)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise FilesAway(repr(error)[:300]) from error
        finally:
            answer.close()  # what was not read to its end must not go back into the pool open
            answer.release_conn()

    @_speaking
    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of the file."""
        answer = self._open(key, offset, length)
        try:
            return bytes(answer.read())
        finally:
            answer.close()
            answer.release_conn()

    @_speaking
    def _open(self, key: str, offset: int, length: int) -> Any:
        return self._client.get_object(self._bucket, key, offset=offset, length=length)

    @_speaking
    def remove(self, key: str) -> None:
        """Delete the file."""
        self._client.remove_object(self._bucket, key)

    def read_url(self, key: str, media_type: str) -> str:
        """A presigned URL for GET, with ranges. Signing asks nobody."""
        return self._signer.get_presigned_url(
            "GET",
            self._bucket,
            key,
            expires=self._lifetime,
            response_headers={"response-content-type": media_type},
        )


def _client(settings: Any, endpoint: str) -> Minio:
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=address.scheme == "https",
        # given, so that no request asks the store where its bucket is
        region=settings.s3_region,
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=60), maxsize=32, retries=RETRIES
        ),
    )
