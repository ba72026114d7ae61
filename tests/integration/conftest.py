"""What the tests of all services share."""

import pytest

from chassis.edge.grpc import adapter, client


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time with a call."""
    monkeypatch.setattr(client, "DEADLINE", 120.0)
    monkeypatch.setattr(adapter, "LONGEST_REQUEST", 120.0)
