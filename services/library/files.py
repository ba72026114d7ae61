"""The S3 store, by the minio client: multipart uploads, ranged reads, presigned URLs.

minio keeps its multipart calls private; they are wrapped here and nowhere else (minio 7.2).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error

from services.library.ports import FilesAway, NoSuchUpload

T = TypeVar("T")
Query = dict[str, str | list[str] | tuple[str]]

CHUNK = 2**20
GONE = ("NoSuchUpload", "NoSuchKey")
# What an S3 store says when it is it, and not the file, that fails.
AWAY = ("InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "OperationAborted")


def _speaking(method: Callable[..., T]) -> Callable[..., T]:
    """Turn the client's errors into the port's."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return method(*args, **kwargs)
        except S3Error as error:
            if error.code in GONE:
                raise NoSuchUpload(str(error.code)) from error
            if error.code in AWAY:
                raise FilesAway(str(error.code)) from error
            raise
        except (urllib3.exceptions.HTTPError, MinioException, OSError) as error:
            raise FilesAway(repr(error)[:300]) from error

    return call


class S3Files:
    """One bucket of an S3 store; keys are item ids."""

    def __init__(self, settings: Any) -> None:
        """`settings`: the library's, for the s3_ fields."""
        address = urlsplit(settings.s3_endpoint)
        self._client = Minio(
            address.netloc,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            secure=address.scheme == "https",
            region=settings.s3_region,
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=5, read=30), maxsize=16, retries=False
            ),
        )
        self._bucket = settings.s3_bucket
        self._lifetime: timedelta = settings.url_lifetime

    @_speaking
    def prepare(self) -> None:
        """Make the bucket where it is missing."""
        if not self._client.bucket_exists(self._bucket):
            self._client.make_bucket(self._bucket)

    @_speaking
    def start(self, key: str, media_type: str) -> str:
        """Begin a multipart upload."""
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
        return self._client.get_presigned_url(
            "PUT", self._bucket, key, expires=self._lifetime, extra_query_params=query
        )

    @_speaking
    def complete(self, key: str, multipart: str, tags: Mapping[int, str]) -> None:
        """Put the parts together."""
        parts = [Part(number, tag) for number, tag in sorted(tags.items())]
        self._client._complete_multipart_upload(self._bucket, key, multipart, parts)

    def abort(self, key: str, multipart: str) -> None:
        """Give the parts up."""
        try:
            self._abort(key, multipart)
        except NoSuchUpload:
            return

    @_speaking
    def _abort(self, key: str, multipart: str) -> None:
        self._client._abort_multipart_upload(self._bucket, key, multipart)

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
            answer.close()
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
        return self._client.get_presigned_url(
            "GET",
            self._bucket,
            key,
            expires=self._lifetime,
            response_headers={"response-content-type": media_type},
        )
