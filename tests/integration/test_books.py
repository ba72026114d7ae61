"""Documents take about as much disk space as docs/operators.md says."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog

from chassis.contracts import events
from chassis.data.store import Database
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.messaging.subscriptions import Subscription
from services.progress.domain.statements import Statement
from services.progress.store import ProgressStore
from services.sessions.domain.enums import PresenceKind
from services.sessions.domain.presence import PresenceEvent
from services.sessions.store import SessionsStore
from tests.deep import only_deep
from tests.integration.chassis.bus import an_event

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"
BATCHES, SIZE = 12, 500
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def documented(name: str) -> int:
    """The bytes of a document that the page counts with."""
    found = re.search(rf"^\| `{name}` \|.*\| (\d+) \|[^|]*\|$", PAGE.read_text(), re.MULTILINE)
    assert found, f"docs/operators.md has no row of {name}"
    return int(found[1])


def measured(database: Database[Any], name: str) -> float:
    """Bytes on the disk for each document of a collection, with its indexes."""
    database.client.admin.command("fsync")  # sizes are those of the last checkpoint
    stats = database.mongo.command("collStats", name)
    assert stats["count"] == BATCHES * SIZE
    return float(stats["storageSize"] + stats["totalIndexSize"]) / float(stats["count"])


def numbers() -> Iterator[range]:
    """Numbers of documents, a batch at a time."""
    for first in range(0, BATCHES * SIZE, SIZE):
        yield range(first, first + SIZE)


def fill_inbox(database: Database[Any]) -> None:
    """Events of a subscription whose name is as long as ours are."""
    subscription: Any = Subscription(
        "progress.statements", (catalog.EnrolmentWithdrawn,), lambda *_: None
    )
    for batch in numbers():
        some = [an_event(f"e{number}") for number in batch]
        deliveries = [Delivery(events.body_of(each.data), events.headers_of(each)) for each in some]
        assert {each.kind for each in apply(database, subscription, deliveries)} == {Kind.APPLIED}


def fill_requests(database: Database[Any]) -> None:
    """Commands of a caller, answered with a resource of some fields."""

    def remember(store: Any, batch: range) -> None:
        for _ in batch:
            request, answer = uuid.uuid4().bytes * 6, uuid.uuid4().bytes * 10
            store.idempotent(
                f"tandem.sessions.v1.Sessions/CheckIn:{uuid.uuid4()}",
                str(uuid.uuid4()),
                request,
                lambda answer=answer: answer,
            )

    for batch in numbers():
        database.transact(partial(remember, batch=batch))


def fill_presence_events(database: Database[Any]) -> None:
    """A join of each learner."""

    def presence_event(store: Any, batch: range) -> None:
        presence_events = [
            PresenceEvent(
                str(uuid.uuid4()), PresenceKind.JOINED, NOW + timedelta(seconds=number), "bbb-1"
            )
            for number in batch
        ]
        store.add_presence_events(store.new_id(), presence_events)

    for batch in numbers():
        database.transact(partial(presence_event, batch=batch))


def fill_statements(database: Database[Any]) -> None:
    """Statements of learners in a run."""

    def record(store: Any, batch: range) -> None:
        store.add_statements(
            [
                Statement(
                    id=str(uuid.uuid4()),
                    learner_id=str(uuid.uuid4()),
                    verb="http://adlnet.gov/expapi/verbs/completed",
                    run_id=str(uuid.UUID(int=number % 200)),
                    activity_id=f"activity-{number % 40}",
                    item_id="",
                    timestamp=NOW + timedelta(seconds=number),
                )
                for number in batch
            ]
        )

    for batch in numbers():
        database.transact(partial(record, batch=batch))


@only_deep
@pytest.mark.parametrize(
    ("name", "store", "fill"),
    [
        ("inbox", SessionsStore, fill_inbox),
        ("requests", SessionsStore, fill_requests),
        ("marks", SessionsStore, fill_presence_events),
        ("statements", ProgressStore, fill_statements),
    ],
)
def test_a_document_takes_what_the_page_says(
    make_database: Any, name: str, store: Any, fill: Callable[[Database[Any]], None]
) -> None:
    """On the disk, compressed, with its indexes.

    About: how much room MongoDB leaves in its files depends on when its checkpoints come.
    """
    database = make_database(store)
    database.client.drop_database(database.mongo.name)  # its files have room that others left
    database.prepare()
    fill(database)
    assert 0.5 * documented(name) <= measured(database, name) <= 1.5 * documented(name)
