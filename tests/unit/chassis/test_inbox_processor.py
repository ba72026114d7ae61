"""Applying a batch: dispositions, repeats, poison; over a store in memory that can roll back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect, OperationFailure
from tandem.catalog.v1 import events_pb2

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging.inbox_processor import Delivery, Kind, StoreAway, apply
from chassis.messaging.subscriptions import DeadLetter, Retry, Subscription
from chassis.operations import tracing

TYPES = (events_pb2.EnrolmentWithdrawn,)


class Inbox:
    """The operation that the inbox needs of its collection."""

    def __init__(self, marks: set[str]) -> None:
        self.marks = marks

    def insert_many(self, rows: Sequence[dict[str, Any]], session: Any) -> None:
        self.marks |= {row["_id"] for row in rows}


class FakeStore:
    session = None

    def __init__(self, marks: set[str], effects: list[str], writer: str = "") -> None:
        self.effects, self._inbox, self.writer = effects, Inbox(marks), writer

    def __getitem__(self, _: str) -> Inbox:
        return self._inbox

    def find_by_ids(self, _: str, ids: Iterable[str]) -> list[dict[str, str]]:
        return [{"_id": mark} for mark in ids if mark in self._inbox.marks]


class FakeDatabase:
    """Commits what a unit of work did, or nothing of it."""

    def __init__(self) -> None:
        self.marks: set[str] = set()
        self.effects: list[str] = []
        self.tries = 0

    def transact(self, work: Callable[[Any], Any], writer: str = "") -> Any:
        self.tries += 1
        store = FakeStore(set(self.marks), list(self.effects), writer)
        result = work(store)
        self.marks, self.effects = store._inbox.marks, store.effects
        return result


def event(subject: str) -> Event[Any]:
    return Event(
        id=ids.new_id(),
        type="tandem.catalog.enrolment.withdrawn.v1",
        source="/tandem/catalog",
        time=datetime(2026, 3, 2, tzinfo=UTC),
        subject=subject,
        partition_key="run",
        sequence=1,
        traceparent="",
        data=events_pb2.EnrolmentWithdrawn(enrolment_id=subject),
    )


def delivery(of: Event[Any]) -> Delivery:
    return Delivery(events.body_of(of.data), events.headers_of(of))


def subscription(fails: dict[str, Exception] | None = None) -> Subscription[Any]:
    """Its effect is the list of subjects; some subjects fail."""

    def handle(store: Any, batch: Sequence[Event[Any]]) -> None:
        for each in batch:
            if fails and each.subject in fails:
                raise fails[each.subject]
            store.effects.append(each.subject)

    return Subscription("catalog.tests", TYPES, handle)


def kinds(database: Any, handler: Subscription[Any], deliveries: Sequence[Delivery]) -> list[Kind]:
    return [disposition.kind for disposition in apply(database, handler, deliveries)]


def test_a_batch_is_one_transaction() -> None:
    """Events that succeed together are committed together, in order."""
    database = FakeDatabase()
    some = [delivery(event(f"e{number}")) for number in range(500)]
    assert set(kinds(database, subscription(), some)) == {Kind.APPLIED}
    assert database.effects == [f"e{number}" for number in range(500)]
    assert database.tries == 1


@pytest.mark.parametrize(("queue", "writer"), [("catalog.tests.3", "catalog.tests.3"), ("", "s")])
def test_a_handler_knows_in_whose_name_it_writes(queue: str, writer: str) -> None:
    """The store names the queue that the events came from, or else the subscription."""
    seen: list[str] = []
    handler: Any = Subscription("s", TYPES, lambda store, _: seen.append(store.writer))
    apply(cast(Any, FakeDatabase()), handler, [delivery(event("e"))], queue)
    assert seen == [writer]


def test_a_repeat_is_told_from_the_first() -> None:
    """Of the same event only the first is applied, in one batch and in a later one."""
    database, one = FakeDatabase(), delivery(event("e"))
    assert kinds(database, subscription(), [one, one]) == [Kind.APPLIED, Kind.REPEAT]
    assert kinds(database, subscription(), [one]) == [Kind.REPEAT]
    assert database.effects == ["e"]


def test_two_subscriptions_have_their_own_repeats() -> None:
    """Another subscription of the same service has not seen it."""
    database, one = FakeDatabase(), delivery(event("e"))
    other = replace(subscription(), name="catalog.others")
    assert kinds(database, subscription(), [one]) == kinds(database, other, [one])


def test_an_event_of_another_version_is_kept_for_it() -> None:
    """A type that is unknown, or not listened to, comes back later; who knows it applies it."""
    database: Any = FakeDatabase()
    known, unknown = delivery(event("known")), delivery(event("unknown"))
    unknown = replace(unknown, headers={**unknown.headers, "cloudEvents_type": "tandem.new.v1"})
    older = replace(subscription(), types=(events_pb2.PathPublished,))
    for disposition in apply(database, older, [known, unknown]):
        assert (disposition.kind, disposition.reason) == (Kind.RETRY, "not for this version")
    assert database.marks == set()
    assert kinds(database, subscription(), [known]) == [Kind.APPLIED]


def test_what_a_queue_still_has_of_another_s_events_is_applied() -> None:
    """A version before bound the queue to them; what it got then is not lost."""
    moved = replace(subscription(), types=(events_pb2.PathPublished,), former=TYPES)
    assert kinds(FakeDatabase(), moved, [delivery(event("e"))]) == [Kind.APPLIED]


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (Retry("later"), Kind.RETRY, "later"),
        (DeadLetter("never"), Kind.DEAD_LETTER, "never"),
        (KeyError("x"), Kind.RETRY, "KeyError: 'x'"),
        (OperationFailure("too large"), Kind.RETRY, "OperationFailure: too large"),
    ],
)
def test_a_disposition_says_why(error: Exception, kind: Kind, reason: str) -> None:
    """An exception of a handler is the disposition of that event alone."""
    database: Any = FakeDatabase()
    batch = [delivery(event(subject)) for subject in ("a", "bad", "c")]
    first, bad, last = apply(database, subscription({"bad": error}), batch)
    assert (bad.kind, reason in bad.reason) == (kind, True)
    assert first.kind == last.kind == Kind.APPLIED
    assert database.effects == ["a", "c"]


@pytest.mark.parametrize(
    ("traces", "shared"),
    [("a", True), ("aa", True), ("ab", False), ("a-", False), ("-", False)],
)
def test_a_batch_is_applied_under_the_trace_of_all_its_events(traces: str, shared: bool) -> None:
    """Events of one trace continue it; events of several traces continue none."""
    seen: list[str] = []

    def handle(store: Any, batch: Sequence[Event[Any]]) -> None:
        seen.append(tracing.trace_id(tracing.current()))

    batch = [
        delivery(replace(event("e"), traceparent=f"00-{each * 32}-{'1' * 16}-01"))
        for each in traces
    ]
    apply(cast(Any, FakeDatabase()), Subscription("s", TYPES, handle), batch)
    assert (seen == [traces[0] * 32]) is shared
    assert len(seen[0]) == 32


def test_finding_one_poison_takes_few_transactions() -> None:
    """Halving 500 finds it with some twenty transactions, not hundreds."""
    database: Any = FakeDatabase()
    batch = [delivery(event(f"e{number}")) for number in range(500)]
    apply(database, subscription({"e321": ValueError("poison")}), batch)
    assert database.tries <= 20


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from(["fine", "retry", "drop", "bug", "undecodable"]),
        ),
        max_size=40,
    )
)
def test_any_batch_has_its_dispositions(choices: list[tuple[int, str]]) -> None:
    """For any batch: one disposition each, one effect of each good event, none of others."""
    known = {name: event(str(name)) for name in range(13)}
    fate: dict[str, str] = {}
    deliveries, expected = [], []
    errors = {"retry": Retry("r"), "drop": DeadLetter("d"), "bug": ValueError("b")}
    right = {"retry": Kind.RETRY, "drop": Kind.DEAD_LETTER, "bug": Kind.RETRY}
    for name, choice in choices:
        if choice == "undecodable":
            deliveries.append(Delivery(b"\xff", events.headers_of(known[name])))
            expected.append(Kind.UNDECODABLE)
            continue
        first = str(name) not in fate
        choice = fate.setdefault(str(name), choice)
        deliveries.append(delivery(known[name]))
        expected.append(right.get(choice) or (Kind.APPLIED if first else Kind.REPEAT))
    fails = {subject: errors[choice] for subject, choice in fate.items() if choice in errors}
    database = FakeDatabase()
    assert kinds(database, subscription(fails), deliveries) == expected
    assert sorted(database.effects) == sorted(set(fate) - set(fails))


def race() -> OperationFailure:
    return OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("gone"),
        OperationFailure("gone: a right", 13),
        OperationFailure("gone: the password", 18),
        OperationFailure("gone: the disk's room", 14031),
    ],
)
def test_a_database_that_is_away_is_nobodys_fault(error: Exception) -> None:
    """A lost connection, a lost right or a full disk gives no disposition to any event."""
    handler = subscription({"b": error})
    with pytest.raises(StoreAway, match="gone"):
        kinds(FakeDatabase(), handler, [delivery(event("a")), delivery(event("b"))])


def test_a_batch_that_loses_every_race_is_made_smaller() -> None:
    """A batch with repeated conflicts, or a slow one, is halved; a single event waits."""
    database: Any = FakeDatabase()
    tries = []

    def handle(store: Any, batch: Sequence[Event[Any]]) -> None:
        tries.append(len(batch))
        if len(batch) > 2:
            raise race()
        store.effects.extend(each.subject for each in batch)

    batch = [delivery(event(str(number))) for number in range(8)]
    assert set(kinds(database, Subscription("s", TYPES, handle), batch)) == {Kind.APPLIED}
    assert len(database.effects) == 8
    with pytest.raises(StoreAway):
        kinds(database, subscription({"e": race()}), [delivery(event("e"))])


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"cloudEvents_type": ["unhashable"]}, b"{}"),
        ({"cloudEvents_id": {"a": 1}}, b"{}"),
        (events.headers_of(event("e")), b"[" * 50_000),
        (events.headers_of(event("e")), b""),
        ({**events.headers_of(event("e")), "cloudEvents_sequence": b"\xff"}, b"{}"),
    ],
)
def test_hostile_messages_are_undecodable(headers: Any, body: bytes) -> None:
    """Nothing that a stranger puts into a queue can raise here."""
    database = FakeDatabase()
    assert kinds(database, subscription(), [Delivery(body, headers)]) == [Kind.UNDECODABLE]
    assert database.tries == 0


class Looking(FakeDatabase):
    """A database that is looked at for what is needed now; None: it is away."""

    def __init__(self, needed: set[str] | None) -> None:
        super().__init__()
        self.needed, self.looks = needed, 0

    def reader(self) -> Any:
        self.looks += 1
        if self.needed is None:
            raise AutoReconnect
        return self.needed


def test_what_is_not_needed_is_dropped_undecoded() -> None:
    """By one look for a batch. What is needed, of another version or no event is judged as ever, in
    its place; while MongoDB is away, nothing is.
    """
    handled: list[str] = []
    subscription = Subscription[Any](
        "tests.some",
        (*TYPES, events_pb2.PersonUpserted),
        lambda _, batch: handled.extend(each.subject for each in batch),
        needs=lambda needed: needed.__contains__,
    )
    good = delivery(event("e1"))
    other = "tandem.catalog.person.upserted.v1"
    unneeded = replace(good, headers={**good.headers, "cloudEvents_type": other}, body=b"\xff")
    newer = replace(good, headers={**good.headers, "cloudEvents_type": "tandem.newer"})
    odd = [replace(good, headers={"cloudEvents_type": each}) for each in (7, None, [other])]
    batch = [unneeded, good, newer, *odd, unneeded]
    database = Looking({event("").type})
    kinds = [each.kind for each in apply(cast("Any", database), subscription, batch)]
    undecodable = [Kind.UNDECODABLE] * 3
    assert kinds == [Kind.APPLIED, Kind.APPLIED, Kind.RETRY, *undecodable, Kind.APPLIED]
    assert (handled, database.looks) == (["e1"], 1)
    with pytest.raises(StoreAway):
        apply(cast("Any", Looking(None)), subscription, batch)
