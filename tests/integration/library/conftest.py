"""The library, for each test its own; one bucket for all of them."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from minio import Minio
from minio.deleteobjects import DeleteObject
from tandem.library.v1 import library_pb2

from chassis.edge.methods import Servicer
from chassis.operations.settings import load
from chassis.testing import running
from services.library import files, rights
from services.library.api import LibraryApi
from services.library.files import S3Files
from services.library.settings import Settings
from services.library.store import LibraryStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.library.shelves import MIB, Shelves


@pytest.fixture(scope="session")
def library_settings(stack: dict[str, str]) -> Iterator[Settings]:
    """Settings with a bucket of this run's own."""
    bucket = f"t-library-{uuid.uuid4().hex[:8]}"
    yield load(Settings, {**stack, "TANDEM_S3_BUCKET": bucket}, "worker")
    _remove(bucket, stack)


def _remove(bucket: str, stack: dict[str, str]) -> None:
    client: Any = Minio(
        stack["TANDEM_S3_ENDPOINT"].removeprefix("http://"),
        access_key=stack["TANDEM_S3_ACCESS_KEY"],
        secret_key=stack["TANDEM_S3_SECRET_KEY"],
        region=stack["TANDEM_S3_REGION"],
        secure=False,
    )
    if client.bucket_exists(bucket):
        for upload in client._list_multipart_uploads(bucket, delimiter="/").uploads:
            client._abort_multipart_upload(bucket, upload.object_name, upload.upload_id)
        found = client.list_objects(bucket, recursive=True)
        list(client.remove_objects(bucket, [DeleteObject(each.object_name) for each in found]))
        client.remove_bucket(bucket)


@pytest.fixture(scope="session")
def s3_files(library_settings: Settings) -> S3Files:
    """The real store; nobody has made its bucket. On a busy machine it may answer late."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "QUICK", files.PATIENT)
        return S3Files(library_settings)


@pytest.fixture
def shelves(make_database: MakeDatabase, clock: FakeClock, s3_files: S3Files) -> Iterator[Shelves]:
    """A library with nothing in it, behind the real edge."""
    database = make_database(LibraryStore)
    api = LibraryApi(database, s3_files, 5 * MIB, timedelta(hours=1), timedelta(days=30))
    servicer = Servicer(
        api,
        library_pb2.DESCRIPTOR.services_by_name["LibraryService"],
        partial(rights.relation, database),
    )
    with running([servicer], database) as channel_for:
        yield Shelves(database, clock, s3_files, api, channel_for)
