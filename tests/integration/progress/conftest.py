"""The classroom, for each test its own."""

import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pymongo import MongoClient
from tandem.progress.v1 import progress_pb2

from chassis.data import transactions
from chassis.data.store import Database
from chassis.edge.methods import Servicer
from chassis.testing import ChannelFor, running
from services.progress import rights
from services.progress.api import ProgressApi
from services.progress.store import ProgressStore
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.progress.classroom import Classroom
from tests.integration.progress.lrs import Lrs
from tests.mongo import long_transactions


@pytest.fixture
def progress_database(make_database: MakeDatabase) -> Database[ProgressStore]:
    """Progress's database with nothing in it."""
    return make_database(ProgressStore)


@pytest.fixture
def channels(progress_database: Database[ProgressStore]) -> Iterator[ChannelFor]:
    """Channels to progress behind the real edge."""
    servicer = Servicer(
        ProgressApi(progress_database),
        progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
        partial(rights.relation, progress_database),
    )
    with running([servicer], progress_database) as channel_for:
        yield channel_for


@pytest.fixture
def classroom(
    progress_database: Database[ProgressStore], clock: FakeClock, channels: ChannelFor
) -> Classroom:
    """A classroom with nothing in it."""
    return Classroom(progress_database, clock, channels)


@pytest.fixture
def unhurried(
    progress_database: Database[ProgressStore], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """On a busy machine a transaction may take more than 10 s: the heaviest, and one within which
    others are made.
    """
    monkeypatch.setattr(transactions, "TOO_LONG", 600.0)
    with long_transactions(progress_database.client):
        yield


@pytest.fixture
def lrs(progress_database: Database[ProgressStore], clock: FakeClock) -> Lrs:
    """An LRS with nothing in it."""
    return Lrs(progress_database, clock)


@pytest.fixture(scope="module")
def module_database(mongo: "MongoClient[dict[str, Any]]") -> Iterator[Database[ProgressStore]]:
    """A database for hypothesis, which a test makes once."""
    name = f"xapi-{uuid.uuid4().hex[:8]}"
    database = Database(mongo, name, ProgressStore, FakeClock())
    database.prepare()
    yield database
    mongo.drop_database(name)
