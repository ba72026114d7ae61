"""Fixtures of all services' tests."""

import pytest

from chassis.data import ping
from chassis.edge import pipeline
from chassis.edge.grpc import client, streams
from chassis.messaging import deadletters, queue_figures


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time with a call, and with the ping of MongoDB: where that has no
    answer, every call is refused.
    """
    monkeypatch.setattr(ping, "PING_TIMEOUT", 120.0)
    monkeypatch.setattr(client, "DEADLINE", 120.0)
    monkeypatch.setattr(pipeline, "LONGEST_REQUEST", 120.0)
    monkeypatch.setattr(streams, "LONGEST_OPERATION", 120.0)
    monkeypatch.setattr(ping, "PING_TIMEOUT", 60.0)
    monkeypatch.setattr(queue_figures, "TRIES", 500)
    monkeypatch.setattr(deadletters, "BACK_TRIES", 2_000)
