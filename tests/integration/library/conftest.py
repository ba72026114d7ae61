"""The library, for each test its own; one bucket for all of them."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from minio.deleteobjects import DeleteObject
from tandem.library.v1 import library_pb2

from campus.identity import IdentityProvider
from chassis.data import s3
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.operations.settings import load
from chassis.testing import Issuer, running, settings_for
from services.library import files, rights
from services.library.api import LibraryApi
from services.library.files import S3Files
from services.library.oai import OaiPmh
from services.library.settings import Settings
from services.library.store import LibraryStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.library.archive import REPOSITORY, Archive
from tests.integration.library.finder import HOUR, Search
from tests.integration.library.shelves import MIB, Shelves


@pytest.fixture(scope="session")
def library_settings(
    stack: dict[str, str], outer_environment: Mapping[str, str]
) -> Iterator[Settings]:
    """Settings with a bucket of this run's own, which ends with a store of our own."""
    bucket = f"t-library-{uuid.uuid4().hex[:8]}"
    yield load(Settings, {**stack, "TANDEM_S3_BUCKET": bucket}, "worker")
    if "TANDEM_S3_ENDPOINT" in outer_environment:
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
        patch.setattr(files, "QUICK", s3.PATIENT)
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


@pytest.fixture
def environment(
    stack: dict[str, str], vhost: str, shelves: Shelves, library_settings: Settings, tmp_path: Path
) -> dict[str, str]:
    """The environment of the library's processes, with the test's own virtual host."""
    return {
        **stack,
        **IdentityProvider(tmp_path).environment(),
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": shelves.database.mongo.name,
        "TANDEM_S3_BUCKET": library_settings.s3_bucket,
        # The tests' clock stands in the past, where to a process every upload is long expired.
        "TANDEM_EXPIRE_UPLOADS": "315360000",
    }


@pytest.fixture
def archive(make_database: MakeDatabase, clock: FakeClock, tmp_path: Path) -> Iterator[Archive]:
    """A library behind the real edge."""
    database = make_database(LibraryStore)
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    page = OaiPmh(database, REPOSITORY, clock.now).page()
    server = Server(chosen, "tests", database, [], [page])
    server.start()
    yield Archive(database, clock, server.http_port)
    server.drain(chosen.drain)


@pytest.fixture
def search(shelves: Shelves, tmp_path: Path) -> Iterator[Search]:
    """A replica that searches, behind the real edge."""
    made = Search(shelves, tmp_path / "index")

    def ask(query: Any) -> Any:
        return made.indexer.search(query)

    api = LibraryApi(shelves.database, shelves.files, 2**23, HOUR, HOUR, 0, ask)
    servicer = Servicer(
        api,
        library_pb2.DESCRIPTOR.services_by_name["LibraryService"],
        partial(rights.relation, shelves.database),
    )
    with running([servicer], shelves.database) as made.channel_for:
        yield made
    made.index.close()
