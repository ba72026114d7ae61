"""Fixtures of all services' tests."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from chassis.archive.store import Bucket
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


@pytest.fixture(scope="session")
def make_bucket(stack: dict[str, str]) -> Callable[..., Bucket]:
    """Gives a bucket of the real store that nobody has made."""

    def make(kind: type[Bucket] = Bucket) -> Bucket:
        return kind(
            stack["TANDEM_S3_ENDPOINT"],
            stack["TANDEM_S3_ACCESS_KEY"],
            stack["TANDEM_S3_SECRET_KEY"],
            stack.get("TANDEM_S3_REGION", "us-east-1"),
            f"t-history-{uuid.uuid4().hex[:8]}",
        )

    return make


@pytest.fixture
def bucket(make_bucket: Callable[..., Bucket]) -> Iterator[Bucket]:
    """A bucket of the test's own, empty afterwards."""
    made = make_bucket()
    yield made
    for each in list(made.listed("")):
        made.remove(each.key)
