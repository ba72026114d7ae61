"""Units of work on a real MongoDB."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Barrier, Event, Semaphore
from typing import Any

import pymongo
import pytest
from pymongo.errors import DuplicateKeyError, PyMongoError

from chassis.context import deadline
from chassis.data import conflict_locks, transactions
from chassis.data.idempotency import Asked
from chassis.data.migrations import Migration, adding
from chassis.data.store import Database, Store, connect
from chassis.errors import AlreadyExists, DomainError, NotFound
from tests.mongo import Commands, long_transactions

# Ids and contents of requests.
REQUESTS = (("r1", b"one"), ("r2", b"two"), ("", b"three"))


@dataclass(frozen=True)
class MessageDelivered:
    message_id: str


class NotifyStore(Store):
    service = "notify"


@dataclass(frozen=True)
class EnrolmentWithdrawn:
    enrolment_id: str
    run_id: str
    learner_id: str
    withdrawn_at: datetime


class SampleStore(Store):
    service = "catalog"
    migrations = (
        Migration(1, "things", adding({"things": [pymongo.IndexModel("name", unique=True)]})),
    )

    def add(self, name: str) -> None:
        self["things"].insert_one({"_id": self.new_id(), "name": name}, session=self.session)


def withdrawn(enrolment: str, run: str = "run") -> EnrolmentWithdrawn:
    return EnrolmentWithdrawn(enrolment, run, "l", datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def database(make_database: Any) -> Database[SampleStore]:
    return make_database(SampleStore)  # type: ignore[no-any-return]


def outbox(database: Database[SampleStore]) -> list[dict[str, Any]]:
    return list(database.mongo["outbox"].find().sort("_id"))


def test_state_and_events_are_written_together(database: Database[SampleStore]) -> None:
    """A committed unit of work leaves its state and its events, numbered by aggregate."""

    def work(store: SampleStore) -> None:
        store.add("a")
        store.record_event(withdrawn("e1", "run-1"), withdrawn("e2"), withdrawn("e1", "run-2"))

    database.transact(work)
    assert [(row["key"], row["sequence"]) for row in outbox(database)] == [
        ("e1", 1),
        ("e2", 1),
        ("e1", 2),
    ]
    assert database.mongo["things"].count_documents({}) == 1


def test_documents_come_in_one_answer_by_their_ids(
    make_database: Any, stack: dict[str, str]
) -> None:
    """One query finds all, even more than MongoDB's first batch of 101. No ids need no query."""
    database = make_database(SampleStore)
    names = [f"n{number}" for number in range(300)]
    rows = [{"_id": name, "name": name} for name in names]
    database.transact(lambda store: store.insert("things", rows))
    commands = Commands()
    client: Any = pymongo.MongoClient(stack["TANDEM_MONGO_URL"], event_listeners=[commands])
    with client:
        store = SampleStore(client[database.mongo.name], None, datetime.now(UTC))
        found = store.find_by_ids("things", [*names, "unknown"], projection={"name": True})
        assert sorted(row["name"] for row in found) == sorted(names)
        assert list(store.find_by_ids("things", [])) == []
    assert len(commands.take("find")) == 1
    assert not commands.take("getMore")


def test_an_event_without_sequence_leaves_no_number(make_database: Any) -> None:
    """Outcomes of messages have no sequence number, and wait for no other event."""
    database = make_database(NotifyStore)
    for _ in range(2):
        database.transact(
            lambda store: store.record_event(MessageDelivered("m"), MessageDelivered("m"))
        )
    rows = outbox(database)
    assert {row["headers"]["cloudEvents_partitionkey"] for row in rows} == {"m"}
    assert not any("cloudEvents_sequence" in row["headers"] for row in rows)
    assert len({row["key"] for row in rows}) == 4
    assert database.mongo["sequences"].count_documents({}) == 0


def test_a_refused_unit_of_work_leaves_nothing(database: Database[SampleStore]) -> None:
    """An exception takes state, events and numbers back."""

    def work(store: SampleStore) -> None:
        store.add("a")
        store.record_event(withdrawn("e1"))
        store.flush()
        raise AlreadyExists("no")

    with pytest.raises(AlreadyExists):
        database.transact(work)
    for name in ("things", "outbox", "sequences"):
        assert database.mongo[name].count_documents({}) == 0


def test_what_waits_for_the_commit_is_done_once(database: Database[SampleStore]) -> None:
    """A unit of work that is done again counts once; one that is refused, not at all."""
    counted: list[str] = []
    attempts = iter(range(3))

    def work(store: SampleStore, name: str) -> None:
        store.on_commit(lambda: counted.append(name))
        store.add(name)
        assert not counted
        if next(attempts) == 0:
            raise PyMongoError("again", error_labels=["TransientTransactionError"])

    database.transact(lambda store: work(store, "a"))
    assert counted == ["a"]
    with pytest.raises(DuplicateKeyError):
        database.transact(lambda store: work(store, "a"))
    assert counted == ["a"]


def test_racing_units_of_work_number_an_aggregate_without_gaps(
    database: Database[SampleStore],
) -> None:
    """Forty at once on one aggregate: 1 to 40, each once."""
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: database.transact(
                    lambda store: store.record_event(withdrawn("e", f"run-{n}"))
                ),
                range(40),
            )
        )
    assert sorted(row["sequence"] for row in outbox(database)) == list(range(1, 41))


def test_a_crowd_at_one_thing_goes_on_by_turns(
    database: Database[SampleStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units of work that change the same thing run one after the other, each once."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", 60)  # however slow the machine
    together, alone = Barrier(8), Semaphore(1)

    def contend() -> None:
        attempts = itertools.count()

        def work(store: SampleStore) -> None:
            if next(attempts) == 0:
                together.wait()
            store.contends_for("run", "a")
            assert alone.acquire(blocking=False)
            try:
                store.record_event(withdrawn("run"))
                store.flush()
            finally:
                alone.release()

        database.transact(work)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(contend) for _ in range(8)]:
            done.result()
    assert [row["sequence"] for row in outbox(database)] == list(range(1, 9))


def test_a_race_with_another_process_is_repeated(database: Database[SampleStore]) -> None:
    """A change of another process is not lost, and neither is ours."""
    other = Database(database.client, database.mongo.name, SampleStore, database.clock)
    database.mongo["things"].insert_one({"_id": "a", "name": "a", "times": 0})

    def count(store: SampleStore) -> None:
        store.contends_for("thing", "a")
        change = {"$inc": {"times": 1}}
        store["things"].update_one({"_id": "a"}, change, session=store.session)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit((database, other)[n % 2].transact, count) for n in range(60)]:
            done.result()
    assert database.mongo["things"].find_one({})["times"] == 60  # type: ignore[index]


def test_what_took_too_long_is_not_repeated(
    database: Database[SampleStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit of work that MongoDB ended for its age would only be ended again."""
    monkeypatch.setattr(transactions, "TOO_LONG", 0.0)
    tries = []

    def work(store: SampleStore) -> None:
        tries.append(1)
        store["things"].insert_one({"_id": "a", "name": "a"}, session=store.session)
        assert store.session
        # What MongoDB does after transactionLifetimeLimitSeconds.
        database.client.admin.command("killSessions", [store.session.session_id])
        store["things"].insert_one({"_id": "b", "name": "b"}, session=store.session)

    with pytest.raises(PyMongoError, match="aborted"):
        database.transact(work)
    assert len(tries) == 1
    assert database.mongo["things"].count_documents({}) == 0


def test_a_rush_at_one_thing_stops_no_other(database: Database[SampleStore]) -> None:
    """While one unit of work holds a thing, units of work on other things continue."""
    held, free = Event(), Event()

    def hold(store: SampleStore) -> None:
        store.contends_for("run", "a")
        held.set()
        assert free.wait(60)

    def want(store: SampleStore, thing: str) -> str:
        store.contends_for("run", thing)
        store.record_event(withdrawn(thing))
        return thing

    with ThreadPoolExecutor(9) as pool:
        holder = pool.submit(database.transact, hold)
        assert held.wait(60)
        rush = [pool.submit(database.transact, partial(want, thing="a")) for _ in range(8)]
        for thing in ("b", "b", "c"):
            assert database.transact(partial(want, thing=thing)) == thing
        database.transact(lambda store: store.add("unnamed"))
        assert not holder.done()
        free.set()
        assert {each.result() for each in rush} == {"a"}


def losing_once(then: Callable[[], object]) -> Callable[[SampleStore], None]:
    """A unit of work that names a thing, loses a race over it, and then does something."""
    attempts = itertools.count()

    def work(store: SampleStore) -> None:
        store.contends_for("run", "a")
        if next(attempts) == 0:
            raise PyMongoError("again", error_labels=["TransientTransactionError"])
        then()
        store.record_event(withdrawn("run"))

    return work


@pytest.mark.parametrize(("patience", "left"), [(0.05, 3600), (3600, 3)])
def test_who_is_stuck_does_not_stop_those_after_it(
    database: Database[SampleStore], monkeypatch: pytest.MonkeyPatch, patience: float, left: float
) -> None:
    """A unit of work that waits for a lock continues without it before its deadline passes."""
    monkeypatch.setattr(conflict_locks, "LONGEST_HOLD", patience)
    stuck, went_on = Event(), Event()

    def hold() -> None:
        stuck.set()
        assert went_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(database.transact, losing_once(hold))
        assert stuck.wait(60)
        with deadline.within(left), suppress(PyMongoError):  # it may be too late to commit
            database.transact(losing_once(went_on.set))
        assert went_on.is_set()
        holder.result()


def operation(store: SampleStore) -> None:
    store["things"].find_one({"$where": "sleep(60000) || true"}, session=store.session)


def late() -> None:
    while deadline.left() > 0:
        time.sleep(0.01)


def late_commit(_: SampleStore) -> None:
    late()


def late_refusal(_: SampleStore) -> None:
    late()
    raise AlreadyExists("no")


@pytest.mark.parametrize("ending", [operation, late_commit, late_refusal])
def test_what_is_late_holds_nobody_up(
    database: Database[SampleStore], stack: dict[str, str], ending: Callable[[SampleStore], None]
) -> None:
    """A deadline that passes in a unit of work, wherever, takes its locks with it."""
    database.mongo["things"].insert_one({"_id": "a", "name": "before"})

    def work(store: SampleStore) -> None:
        change = {"$set": {"name": "never"}}
        store["things"].update_one({"_id": "a"}, change, session=store.session)
        ending(store)

    # Else MongoDB lets go of what is left open after 10 s (campus/stack/mongodb.py).
    with (
        long_transactions(database.client),
        connect(stack["TANDEM_MONGO_URL"], "other") as other,
    ):
        with deadline.within(0.5), pytest.raises((PyMongoError, AlreadyExists)):
            database.transact(work)
        things = other[database.mongo.name]["things"]
        with pymongo.timeout(60):
            changed = things.find_one_and_update({}, {"$set": {"name": "after"}})
    assert changed == {"_id": "a", "name": "before"}


def test_a_repeat_is_answered_and_not_done(database: Database[SampleStore]) -> None:
    """Many repeats of one request at once: one effect, one answer for all."""

    def command(store: SampleStore) -> bytes:
        def answer() -> bytes:
            name = store.new_id()
            store.add(name)
            return name.encode()

        return store.idempotent("Add:me", "request-1", b"content", answer)

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: database.transact(command), range(16)))
    assert len(answers) == 1
    assert database.mongo["things"].count_documents({}) == 1


def test_a_request_id_with_another_content_is_refused(database: Database[SampleStore]) -> None:
    """The same id for something else is a mistake of the caller's, and said so."""
    database.transact(lambda store: store.idempotent("Add:me", "r", b"one", lambda: b""))
    with pytest.raises(AlreadyExists, match="'r'"):
        database.transact(lambda store: store.idempotent("Add:me", "r", b"two", lambda: b""))


def test_preparing_twice_and_side_by_side_is_harmless(database: Database[SampleStore]) -> None:
    """Collections and indexes are made once, whoever comes first."""
    for _ in range(5):
        database.client.drop_database(database.mongo.name)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: database.prepare(), range(4)))
        assert "name_1" in database.mongo["things"].index_information()


def test_several_requests_at_once_are_each_executed_once(database: Database[SampleStore]) -> None:
    """Those that were executed before have their first answers; those without an id, and those that
    were refused, are not remembered; and an id that came with another request is refused.
    """
    asked = [Asked("Add:me", id_, content) for id_, content in REQUESTS]
    calls: list[list[int]] = []

    def answer(places: Sequence[int]) -> list[bytes | DomainError]:
        calls.append([*places])
        return [NotFound("no") if place == 1 else f"{len(calls)}".encode() for place in places]

    for _ in range(2):
        outcomes = database.transact(lambda store: store.idempotent_all(asked, answer))
    assert calls == [[0, 1, 2], [1, 2]]
    assert (outcomes[0], outcomes[2]) == (b"1", b"2")
    assert isinstance(outcomes[1], NotFound)
    other = Asked("Add:me", "r1", b"another")
    [refused] = database.transact(lambda store: store.idempotent_all([other], answer))
    assert isinstance(refused, AlreadyExists)


def test_several_requests_that_come_twice_at_once(database: Database[SampleStore]) -> None:
    """Units of work at once with requests in common execute each of them once."""

    def add(places: Sequence[int]) -> list[bytes | DomainError]:
        names = [f"{place}-{next(numbers)}".encode() for place in places]
        return [*names]

    def command(store: SampleStore) -> tuple[bytes | DomainError, ...]:
        asked = [Asked("Add:me", f"r{number}", b"content") for number in range(3)]
        return tuple(store.idempotent_all(asked, add))

    numbers = itertools.count()
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: database.transact(command), range(16)))
    assert len(answers) == 1
    assert database.mongo["requests"].count_documents({}) == 3
