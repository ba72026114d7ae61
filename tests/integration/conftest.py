"""What the tests of all services share."""

import pytest

from chassis.edge import grpc_client, grpc_edge


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time with a call."""
    monkeypatch.setattr(grpc_client, "DEADLINE", 120.0)
    monkeypatch.setattr(grpc_edge, "LONGEST_REQUEST", 120.0)
