"""Requests with statements that come while others are stored are stored together."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from chassis.data.store import Database
from services.progress.domain.xapi.sending import sent_of
from services.progress.domain.xapi.storing import StoreStatements
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.xapi.statement_storing import SMALL_BATCH, SMALL_SINGLE, StatementStoring
from tests.integration.progress.lrs import BASE, Lrs, client, said

PATIENCE = 60.0
T = TypeVar("T")


class Held(Database[ProgressStore]):
    """A database whose units of work wait until a test lets them go."""

    def __init__(self, like: Database[ProgressStore]) -> None:
        super().__init__(like.client, like.mongo.name, ProgressStore, like.clock)
        self.asked, self.go = threading.Semaphore(0), threading.Event()

    def transact(self, work: Callable[[ProgressStore], T], writer: str = "") -> T:
        self.asked.release()
        assert self.go.wait(PATIENCE)
        return super().transact(work, writer)


class Sending:
    """Requests that are sent at once."""

    def __init__(self, lrs: Lrs) -> None:
        self.database = Held(lrs.database)
        self.storing = StatementStoring(self.database, BASE)
        self.pool = ThreadPoolExecutor(32)

    def send(self, number: int, size: int) -> None:
        """Send a request with so many statements and bytes, on a thread of its own."""
        sent = sent_of([said() for _ in range(number)], {}, lambda: "")
        command = StoreStatements(client("lrs:one"), Version.V1_0_3, sent, {})
        self.pool.submit(self.storing.store, command, size)

    def units(self) -> list[int]:
        """Let all go; return how many statements each unit of work stored."""
        self.database.go.set()
        self.pool.shutdown()
        events = self.database.mongo["outbox"].find({"type": {"$regex": "stored"}}).sort("_id", 1)
        return [len(json.loads(row["body"])["statementIds"]) for row in events]


@pytest.fixture
def sending(lrs: Lrs) -> Iterator[Sending]:
    made = Sending(lrs)
    yield made
    made.database.go.set()


def _wait(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("number", [1, 20])
def test_small_requests_are_stored_together(sending: Sending, number: int) -> None:
    """Twelve that come while one is stored are one unit of work after it."""
    sending.send(number, 2_000)
    assert sending.database.asked.acquire(timeout=PATIENCE)
    for _ in range(12):
        sending.send(number, 2_000)
    group = sending.storing._singles if number == 1 else sending.storing._batches
    _wait(lambda: len(group._group._waiting) == 12)
    assert sending.units() == [number, 12 * number]


def test_single_statements_wait_for_no_batch(sending: Sending) -> None:
    """Each kind is stored while the other is, and so is a large request of either."""
    for number, size in ((1, 2_000), (5, 2_000), (1, SMALL_SINGLE + 1), (5, SMALL_BATCH + 1)):
        sending.send(number, size)
        assert sending.database.asked.acquire(timeout=PATIENCE)
    assert sorted(sending.units()) == [1, 1, 5, 5]


def test_one_unit_of_work_has_at_most_a_thousand_statements(sending: Sending) -> None:
    """What is more waits for the next one."""
    sending.send(1, 2_000)
    sending.send(2, 2_000)
    for _ in range(2):
        assert sending.database.asked.acquire(timeout=PATIENCE)
    for _ in range(3):
        sending.send(400, 2_000)
    _wait(lambda: len(sending.storing._batches._group._waiting) == 3)
    assert sorted(sending.units()) == [1, 2, 400, 800]
