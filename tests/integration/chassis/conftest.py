"""A service's bus on real servers."""

from typing import Any

import pytest

from tests.integration.chassis.bus import Bus, store


@pytest.fixture
def bus(stack: dict[str, str], vhost: str, make_database: Any) -> Bus:
    """An empty database and virtual host of a service."""
    return Bus(make_database(store()), vhost, stack["TANDEM_MONGO_URL"])
