"""Fixtures of all services' tests."""

import pytest

from chassis.data import ping, transactions
from chassis.edge import pipeline
from chassis.edge.grpc import client, streams
from chassis.messaging import deadletters, queue_figures
from tests.conftest import TRANSACTION


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time with a call, with a transaction, and with the ping of
    MongoDB: where that has no answer, every call is refused.
    """
    monkeypatch.setattr(ping, "PING_TIMEOUT", 120.0)
    monkeypatch.setattr(client, "DEADLINE", 120.0)
    monkeypatch.setattr(pipeline, "LONGEST_REQUEST", 120.0)
    monkeypatch.setattr(transactions, "TOO_LONG", TRANSACTION)
    monkeypatch.setattr(streams, "LONGEST_OPERATION", 120.0)
    monkeypatch.setattr(queue_figures, "TRIES", 500)
    monkeypatch.setattr(deadletters, "BACK_TRIES", 2_000)
