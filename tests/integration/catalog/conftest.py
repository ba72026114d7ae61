"""The registry, for each test its own."""

from collections.abc import Iterator
from functools import partial

import pytest
from tandem.catalog.v1 import catalog_pb2

from chassis.edge.methods import Servicer
from chassis.testing import running
from services.catalog import rights
from services.catalog.api import CatalogApi
from services.catalog.store import CatalogStore
from tests.conftest import MakeDatabase
from tests.integration.catalog.registry import FakeLibrary, Registry
from tests.integration.catalog.rosters import Roster


@pytest.fixture
def registry(make_database: MakeDatabase) -> Iterator[Registry]:
    """A catalog behind the real edge."""
    database, library = make_database(CatalogStore), FakeLibrary()
    servicer = Servicer(
        CatalogApi(database, library),
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        partial(rights.relation, database),
    )
    with running([servicer], database) as channel_for:
        yield Registry(database, library, channel_for)


@pytest.fixture
def roster(registry: Registry) -> Roster:
    """The catalog with a worker for imports."""
    return Roster(registry)
