"""The archive's bucket in an S3 store."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import MinioException, S3Error

from chassis.data import s3

# The prefix of headers with metadata of the user's own.
NOTE = "x-amz-meta-"


class StoreAway(Exception):
    """The S3 store can't be reached, fails, or refuses our key; later it may work."""


class NoSuchObject(LookupError):
    """The store has no object under this key."""


class Stored(NamedTuple):
    """An object that the store has."""

    key: str
    changed_at: datetime
    """By the store's clock."""


class Bucket:
    """One bucket. Methods raise StoreAway."""

    def __init__(
        self, endpoint: str, access_key: str, secret_key: str, region: str, bucket: str
    ) -> None:
        self._client = s3.client(endpoint, access_key, secret_key, region, s3.PATIENT)
        self.name = bucket

    def prepare(self) -> None:
        """Make the bucket if it is missing."""
        with _translating():
            if self._client.bucket_exists(self.name):
                return
            try:
                self._client.make_bucket(self.name)
            except S3Error as error:
                if error.code not in s3.OURS_ALREADY:
                    raise

    def put(self, key: str, content: bytes) -> None:
        """Store an object, as a whole or not at all; what was there before is replaced."""
        with _translating():
            self._client.put_object(
                self.name, key, io.BytesIO(content), len(content), "application/octet-stream"
            )

    def get(self, key: str) -> bytes:
        """Return an object's content. Raises NoSuchObject."""
        with _translating():
            answer = self._client.get_object(self.name, key)
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

    def put_file(self, key: str, path: Path, notes: Mapping[str, str]) -> None:
        """Store a local file, as a whole or not at all, with notes that `notes` returns."""
        with _translating():
            self._client.fput_object(self.name, key, str(path), metadata=dict(notes))

    def get_file(self, key: str, path: Path) -> None:
        """Store an object's content in a local file. Raises NoSuchObject."""
        with _translating():
            self._client.fget_object(self.name, key, str(path))

    def notes(self, key: str) -> dict[str, str]:
        """Return the notes of an object, their names in lower case. Raises NoSuchObject."""
        with _translating():
            found = self._client.stat_object(self.name, key).metadata or {}
        given = ((name.lower(), value) for name, value in found.items())
        return {name.removeprefix(NOTE): value for name, value in given if name.startswith(NOTE)}

    def listed(self, folder: str) -> Iterator[Stored]:
        """Yield the objects below a folder, ordered by key; none if there is no bucket."""
        with _translating():
            try:
                for each in self._client.list_objects(self.name, folder, recursive=True):
                    yield Stored(str(each.object_name), each.last_modified)
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise

    def remove(self, key: str) -> None:
        """Delete an object, if there is one."""
        with _translating():
            self._client.remove_object(self.name, key)


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in (*s3.GONE, "NoSuchBucket"):
            raise NoSuchObject(str(error.code)) from error
        raise StoreAway(str(error.code)) from error
    except (urllib3.exceptions.HTTPError, MinioException, ParseError, OSError) as error:
        raise StoreAway(repr(error)[:300]) from error
