"""A service's bus on real servers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chassis.data.store import Database
from chassis.messaging import relay
from chassis.testing import ChannelFor, running
from tests.conftest import MakeDatabase
from tests.integration.chassis.bus import Bus, store
from tests.integration.chassis.desk import Desk, desk_of
from tests.integration.chassis.test_grpc_edge import NoStore, Notify, servicers


@pytest.fixture(autouse=True)
def patient_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay in this process keeps its lanes also where the machine lets it wait for long."""
    monkeypatch.setattr(relay, "LEASE", timedelta(seconds=60))


@pytest.fixture
def bus(stack: dict[str, str], vhost: str, make_database: Any) -> Bus:
    """An empty database and virtual host of a service."""
    return Bus(make_database(store()), vhost, stack["TANDEM_MONGO_URL"])


@pytest.fixture
def notify() -> Notify:
    return Notify()


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[Any]:
    return make_database(NoStore)


@pytest.fixture
def channel_for(notify: Notify, database: Database[Any]) -> Iterator[ChannelFor]:
    with running(servicers(notify), database) as channels:
        yield channels


@pytest.fixture
def desk(bus: Bus, stack: dict[str, str]) -> Iterator[Desk]:
    """Where consumers of the virtual host are added; the topology is declared."""
    bus.declare()
    with desk_of(bus, stack) as made:
        yield made
