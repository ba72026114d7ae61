"""A service's bus on real servers."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.messaging import relay
from tests.integration.chassis.bus import Bus, store


@pytest.fixture(autouse=True)
def patient_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay in this process keeps its lanes also where the machine lets it wait for long."""
    monkeypatch.setattr(relay, "LEASE", timedelta(seconds=60))


@pytest.fixture
def bus(stack: dict[str, str], vhost: str, make_database: Any) -> Bus:
    """An empty database and virtual host of a service."""
    return Bus(make_database(store()), vhost, stack["TANDEM_MONGO_URL"])
