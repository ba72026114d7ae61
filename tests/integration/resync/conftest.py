"""Catalog, and the services that copy it."""

from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import pytest
from tandem.catalog.v1 import catalog_pb2

from chassis.edge.methods import Servicer
from chassis.testing import running
from services.catalog import copies as catalog_copies
from services.catalog import rights
from services.catalog import worker as catalog
from services.catalog.api import CatalogApi
from services.catalog.originals import ORIGINALS
from services.catalog.sources import SOURCES
from services.catalog.store import CatalogStore
from services.library import copies as library_copies
from services.library import worker as library
from services.library.store import LibraryStore
from services.notify import copies as notify_copies
from services.notify import worker as notify
from services.notify.store import NotifyStore
from services.progress import copies as progress_copies
from services.progress import worker as progress
from services.progress.store import ProgressStore
from services.sessions import copies as sessions_copies
from services.sessions import worker as sessions
from services.sessions.store import SessionsStore
from tests.conftest import MakeDatabase
from tests.integration.catalog.registry import FakeLibrary, Registry
from tests.integration.resync.copying import Copier, Copying, Owner


@pytest.fixture
def registry(make_database: MakeDatabase) -> Iterator[Registry]:
    """A catalog behind the real edge."""
    database, its_library = make_database(CatalogStore), FakeLibrary()
    servicer = Servicer(
        CatalogApi(database, its_library),
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        partial(rights.relation, database),
    )
    with running([servicer], database) as channel_for:
        yield Registry(database, its_library, channel_for)


@pytest.fixture
def copying(registry: Registry, vhost: str, make_database: MakeDatabase) -> Copying:
    """Catalog and its copiers, with declared queues."""
    wanted: dict[str, Any] = {
        "notify": (NotifyStore, notify.subscriptions(cast(Any, None), ()), notify_copies.COPIES),
        "sessions": (SessionsStore, sessions.subscriptions(), sessions_copies.COPIES),
        "library": (LibraryStore, library.subscriptions(), library_copies.COPIES),
        "progress": (ProgressStore, progress.subscriptions(), progress_copies.COPIES),
        "catalog": (CatalogStore, catalog.subscriptions(), catalog_copies.COPIES),
    }
    copiers = {
        service: Copier(
            make_database(store), {each.name: each for each in found if each.resync}, copies
        )
        for service, (store, found, copies) in wanted.items()
    }
    found = Copying(registry, Owner(registry.database, SOURCES, ORIGINALS), vhost, copiers)
    found.declare()
    return found
