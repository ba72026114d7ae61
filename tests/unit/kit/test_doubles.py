"""The kit's examples of events, their types, and what a consumer's tests make of them."""

import sqlite3
from contextlib import closing
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_events import Event, OtherTypeError, SqliteInbox, read
from tandem_events.attempt import DELIVERY_LIMIT
from tandem_events.data import TYPES, EnrolmentCreated, EnrolmentWithdrawn
from tandem_events.testing import MemoryBroker, MemorySubscriber, disturbed, example, message_of

from chassis.contracts import events
from chassis.contracts.events import Event as OurEvent
from chassis.contracts.events import contracts

WITHDRAWN = "tandem.catalog.enrolment.withdrawn.v1"
CREATED = "tandem.catalog.enrolment.created.v1"


@pytest.mark.parametrize("name", sorted(contracts()))
def test_an_example_is_what_a_relay_would_publish(name: str) -> None:
    """The kit reads its message, and so do the services; its type has the body's fields."""
    event = example(name, sequence=3)
    headers, body = message_of(event)
    assert read(headers, body) == event
    ours = events.read(headers, body, events.CONTENT_TYPE)
    assert isinstance(ours, OurEvent)
    assert (ours.partition_key, ours.subject) == (event.partition_key, event.subject)
    assert event.data.keys() <= get_type_hints(TYPES[name]).keys()
    assert TYPES[name].__required_keys__ <= event.data.keys()


def test_a_body_has_its_type() -> None:
    """mypy knows its fields; what a newer version adds is there, and another type is an error."""
    event = example(WITHDRAWN, learnerId="s-7", fieldOfTomorrow=1)
    data = event.data_as(EnrolmentWithdrawn)
    learner: str = data["learnerId"]
    assert learner == "s-7"
    assert event.data["fieldOfTomorrow"] == 1
    newer = example(CREATED, mode="MODE_OF_TOMORROW").data_as(EnrolmentCreated)
    assert newer["mode"] == "MODE_OF_TOMORROW"
    with pytest.raises(OtherTypeError, match=r"created\.v1 is no EnrolmentWithdrawn"):
        example(CREATED).data_as(EnrolmentWithdrawn)


def test_an_example_takes_what_a_test_gives_it() -> None:
    """Subject and key follow from the body; an unknown type is an error."""
    event = example(WITHDRAWN, 4, enrolmentId="e-1")
    assert (event.subject, event.sequence, event.data["enrolmentId"]) == ("e-1", 4, "e-1")
    assert example(WITHDRAWN).id != example(WITHDRAWN).id
    with pytest.raises(KeyError):
        example("tandem.nothing.v1")


@settings(max_examples=50)
@given(st.integers(1, 12), st.integers())
def test_a_disturbed_row_has_every_event_and_no_other(count: int, seed: int) -> None:
    """The same seed gives the same row; a consumer that counts by id counts each once."""
    some = [example(WITHDRAWN, number + 1) for number in range(count)]
    came = disturbed(some, seed)
    assert {event.id for event in came} == {event.id for event in some}
    assert came == disturbed(some, seed)
    broker, handled = MemoryBroker(), list[str]()

    def note(event: Event, _: sqlite3.Connection) -> None:
        handled.append(event.id)

    with closing(SqliteInbox(":memory:")) as inbox:
        subscriber = MemorySubscriber(broker, "records", ["tandem.#"], inbox)
        subscriber.declare()
        broker.publish(*came)
        subscriber.run(note)
        assert inbox.gaps() == []
    assert sorted(handled) == sorted(event.id for event in some)


def test_an_event_that_ends_its_process_each_time_is_a_dead_letter() -> None:
    """Until then it is still there, and those after it wait, as in a queue."""

    class Away:
        def handle(self, event: Event, handler: Any) -> bool:
            raise OSError("the database is away")

    broker = MemoryBroker()
    subscriber = MemorySubscriber(broker, "records", ["#"], Away())
    subscriber.declare()
    broker.publish(example(WITHDRAWN))
    for _ in range(DELIVERY_LIMIT + 1):
        with pytest.raises(OSError, match="away"):
            subscriber.run(lambda *_: None)
        assert subscriber.dead_reasons() == []
    subscriber.run(lambda *_: None)
    assert subscriber.dead_reasons() == [""]


def test_some_row_is_out_of_order_and_some_event_comes_twice() -> None:
    """Otherwise nothing is disturbed."""
    some = [example(WITHDRAWN, number) for number in range(1, 9)]
    rows: list[list[Any]] = [[event.sequence for event in disturbed(some, n)] for n in range(20)]
    assert any(row != sorted(row) for row in rows)
    assert any(len(row) > len(some) for row in rows)
