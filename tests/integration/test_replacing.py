"""Events of which the inbox keeps nothing: repeats in any order end as one of each does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.contracts import events
from chassis.data.store import Database
from chassis.messaging.inbox_processor import Delivery, Kind, apply
from chassis.messaging.subscriptions import Subscription
from services.catalog import worker as catalog
from services.catalog.store import CatalogStore
from services.library import worker as library
from services.library.store import LibraryStore
from services.notify import worker as notify
from services.notify.store import NotifyStore
from services.progress import worker as progress
from services.progress.store import ProgressStore
from services.sessions import worker as sessions
from services.sessions.store import SessionsStore
from tests.deep import DEEP, deep

BY_STORE: dict[Any, Sequence[Subscription[Any]]] = {
    CatalogStore: catalog.subscriptions(),
    LibraryStore: library.subscriptions(),
    NotifyStore: notify.subscriptions(cast(Any, None), ()),
    ProgressStore: progress.subscriptions(),
    SessionsStore: sessions.subscriptions(),
}
REPLACING = [
    pytest.param(store, subscription, id=subscription.name)
    for store, subscriptions in BY_STORE.items()
    for subscription in subscriptions
    if subscription.replacing
]
# What changes without a meaning: counters that make units of work conflict.
MEANINGLESS = {"touched", "changes"}
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def an_event(cls: type[Message], aggregate: int, sequence: int) -> Delivery:
    """An event of one of a few aggregates; every other field depends on its sequence."""
    data = cls()
    _fill(data, sequence)
    for field in cls.DESCRIPTOR.fields:
        if field.name.endswith("_id"):
            setattr(data, field.name, f"{field.name}-{aggregate}")
    subject, key = events.subject_and_key(data)
    event: events.Event[Any] = events.Event(
        id=f"{cls.DESCRIPTOR.name}-{sequence}",
        type=events.event_type(cls),
        source="/tandem/tests",
        time=NOW,
        subject=subject,
        partition_key=key,
        sequence=sequence,
        traceparent="",
        data=data,
    )
    return Delivery(events.body_of(data), events.headers_of(event))


def _fill(message: Message, number: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated and field.message_type is not None:
            _fill(getattr(message, field.name).add(), number)
        elif field.is_repeated:
            getattr(message, field.name).append(_value(field, number))
        elif field.message_type is not None:
            _fill_one(getattr(message, field.name), number)
        else:
            setattr(message, field.name, _value(field, number))


def _fill_one(message: Any, number: int) -> None:
    if isinstance(message, Timestamp | Duration):
        message.seconds = 1_772_000_000 + number if isinstance(message, Timestamp) else number
    else:
        message.SetInParent()
        _fill(message, number)


def _value(field: Any, number: int) -> Any:
    if field.enum_type is not None:
        values = field.enum_type.values[1:]  # the first one is UNSPECIFIED
        return values[number % len(values)].number
    if field.name == "zone":
        return "UTC"
    if field.name.endswith(("_date", "_since")):
        return f"2026-03-{1 + number % 28:02d}"
    if field.type == FieldDescriptor.TYPE_STRING:
        return f"{field.name} {number}"
    return bool(number % 2) if field.type == FieldDescriptor.TYPE_BOOL else number


def state(database: Database[Any]) -> dict[str, list[Any]]:
    """All documents of the service, without fields that have no meaning."""
    names = set(database.mongo.list_collection_names()) - {"migrations", "leases"}
    found = {name: list(database.mongo[name].find().sort("_id")) for name in sorted(names)}
    return {
        name: [{k: v for k, v in row.items() if k not in MEANINGLESS} for row in rows]
        for name, rows in found.items()
        if rows
    }


def after(
    database: Database[Any], subscription: Subscription[Any], batches: Sequence[Sequence[Delivery]]
) -> dict[str, list[Any]]:
    """The documents of an empty service after these batches."""
    for name in set(database.mongo.list_collection_names()) - {"migrations", "leases"}:
        database.mongo[name].delete_many({})
    for batch in batches:
        dispositions = apply(database, subscription, batch)
        # Of the same event twice in a batch, the second is a repeat.
        assert {disposition.kind for disposition in dispositions} <= {Kind.APPLIED, Kind.REPEAT}
    return state(database)


def some_types(subscription: Subscription[Any]) -> st.SearchStrategy[Any]:
    """Types that replace, each with the number of an aggregate."""
    types = sorted(subscription.replacing, key=lambda cls: str(cls.DESCRIPTOR.name))
    pairs = st.tuples(st.sampled_from(types), st.integers(0, 1))
    return st.lists(pairs, min_size=1, max_size=6)


@deep
@pytest.mark.parametrize(("store", "subscription"), REPLACING)
def test_repeats_in_any_order_end_the_same(
    make_database: Any, store: Any, subscription: Subscription[Any]
) -> None:
    """Each counts once, however often and late it comes; the inbox stays empty."""
    database = make_database(store)

    @settings(max_examples=15 if DEEP else 5, deadline=None)
    @given(types=some_types(subscription), data=st.data())
    def check(types: Any, data: st.DataObject) -> None:
        once = [an_event(cls, which, number) for number, (cls, which) in enumerate(types, start=1)]
        again = data.draw(st.lists(st.sampled_from(once), max_size=6))
        mixed = data.draw(st.permutations([*once, *again]))
        cut = data.draw(st.integers(0, len(mixed)))
        expected = after(database, subscription, [[each] for each in once])
        assert after(database, subscription, [mixed[:cut], mixed[cut:]]) == expected
        assert {"inbox", "outbox", "sequences"}.isdisjoint(expected)

    check()


@pytest.mark.parametrize(
    "subscription",
    [pytest.param(each, id=each.name) for some in BY_STORE.values() for each in some],
)
def test_only_what_is_listened_to_is_replaced(subscription: Subscription[Any]) -> None:
    """A type that is said to replace is one of the subscription's."""
    assert subscription.replacing <= set(subscription.types)
