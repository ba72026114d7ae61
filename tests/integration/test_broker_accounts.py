"""The broker's accounts of deploy/kubernetes, on a real broker: enough to work, and no more."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker
from tandem_events import SqliteInbox, Subscriber

from campus.architecture import services
from campus.consumers.accounts import Limits, Names
from campus.consumers.consumers import Consumers
from campus.consumers.management import Management
from campus.consumers.replay import replay as replay_to
from campus.consumers.replay_state import State
from chassis import ids
from chassis.contracts.events import Event
from chassis.messaging import deadletters, filling, history, partitions, topology
from chassis.messaging.replay import replay
from services.catalog.domain.enums import Role
from services.catalog.domain.events import PersonUpserted
from services.catalog.store import CatalogStore
from services.sessions.store import SessionsStore
from tests.conftest import virtual_host
from tests.deep import only_deep
from tests.integration import processes
from tests.integration.broker_accounts import PARTITIONS, STRANGER, Broker, accounts, declare, role
from tests.integration.chassis.bus import an_event, channel_of, eventually

QUEUE, ANOTHERS = "sessions.recordings", "notify.triggers"
PARTITIONED = "sessions.rosters"
SESSIONS = services()["sessions"].subscriptions
TYPE = "tandem.catalog.person.upserted.v1"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def declared(stack: dict[str, str]) -> Iterator[Broker]:
    """A virtual host as the manifests want it, and what the `declare` roles make of it."""
    with virtual_host(stack) as url, accounts(stack, url) as broker:
        declare(broker)
        yield broker


@pytest.fixture
def broker(declared: Broker) -> Iterator[Broker]:
    """The same for a test, which leaves nothing in any queue."""
    yield declared
    declared.empty()


def a_person(name: str) -> PersonUpserted:
    """Something that happened."""
    return PersonUpserted(
        person_id=name,
        given_name="Ada",
        family_name="L",
        email=f"{name}@example.edu",
        language="en",
        zone="Europe/Berlin",
        roles=(Role.LEARNER,),
    )


def publish(url: str, exchange: str, key: str) -> None:
    """Publish a message and wait for the broker's word."""
    with channel_of(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, b"{}")


def relay(broker: Broker, catalog: Any, *people: str) -> None:
    """Let people be upserted in catalog, and its relay publish that."""
    catalog.transact(lambda store: store.record_event(*map(a_person, people)))
    with role("catalog", "relay", broker, catalog.mongo.name):
        eventually("it is off", lambda: not catalog.mongo["outbox"].count_documents({}))


def ready(broker: Broker) -> dict[str, int]:
    """How many messages each queue of the partitioned subscription has."""
    subscription = next(each for each in SESSIONS if each.name == PARTITIONED)
    with channel_of(broker.url("sessions-worker")) as channel:
        return partitions.ready(channel.connection, subscription)


@contextmanager
def refused() -> Iterator[None]:
    """The broker says that the account may not."""
    with pytest.raises(ChannelClosedByBroker) as raised:
        yield
    assert raised.value.reply_code == 403


def test_an_event_travels_under_the_accounts(broker: Broker, make_database: Any) -> None:
    """From one service's outbox to another's state; the operator reads the history and replays."""
    catalog, sessions = make_database(CatalogStore), make_database(SessionsStore)
    relay(broker, catalog, "p1")
    with role("sessions", "worker", broker, sessions.mongo.name):
        eventually("it is known there", lambda: sessions.mongo["people"].find_one({"_id": "p1"}))
    read = [event for _, event in history.read(broker.url("operator"), "first")]
    people = {event.subject: event for event in read if isinstance(event, Event)}
    assert people["p1"].type == TYPE
    now = datetime.now(UTC)
    sent = replay(broker.url("operator"), SESSIONS, now - 60 * MINUTE, now + MINUTE)
    assert sent == {PARTITIONED: len(people)}


def test_the_archiver_fills_the_history_under_its_account(broker: Broker) -> None:
    """It reads what was published, and adds to the history."""
    url = broker.url("library-archiver")
    before = history.last_offset(url)
    filling.fill(url, datetime.now(UTC), 1, lambda: None)
    after = history.last_offset(url)
    assert after is not None
    assert after > (-1 if before is None else before)


@only_deep
def test_the_number_of_partitions_changes(
    broker: Broker, make_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `declare` adds some, and removes them once the workers have drained them and let go."""
    monkeypatch.setattr(topology, "DRAIN_WAIT", 0.0)
    catalog, sessions = make_database(CatalogStore), make_database(SessionsStore)
    declares, people = broker.url("sessions-declare"), [f"q{number}" for number in range(40)]
    topology.declare(declares, SESSIONS, 2 * PARTITIONS)
    relay(broker, catalog, *people)
    topology.declare(declares, SESSIONS, PARTITIONS)
    waiting = ready(broker)
    assert waiting.pop(PARTITIONED) == 0
    assert len(waiting) == 2 * PARTITIONS
    assert all(waiting.values())

    def usual() -> bool:
        topology.declare(declares, SESSIONS, PARTITIONS)
        return len(ready(broker)) == 1 + PARTITIONS

    with role("sessions", "worker", broker, sessions.mongo.name):
        eventually("the others to go", usual)
        eventually("everyone", lambda: set(sessions.mongo["people"].distinct("_id")) == set(people))


def test_a_worker_gives_up_what_an_operator_sends_back(broker: Broker, make_database: Any) -> None:
    """A worker reaches its dead letters, an operator sees them and sends them back."""
    sessions, operator = make_database(SessionsStore), broker.url("operator")
    publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
    with role("sessions", "worker", broker, sessions.mongo.name):
        eventually("a dead letter", lambda: dead(operator) == 1)
        [letter] = deadletters.show(operator, PARTITIONED)
        assert letter.reason.startswith("no CloudEvent")
        assert deadletters.replay(operator, PARTITIONED) == 1
        eventually("another", lambda: dead(operator) == 1)
    assert deadletters.discard(operator, PARTITIONED) == 1


def dead(url: str) -> int:
    """How many dead letters the partitioned subscription has."""
    return deadletters.count(url, [PARTITIONED])[PARTITIONED]


def test_a_relay_publishes_its_own_types_and_nothing_else(broker: Broker) -> None:
    """No other service's types, to no queue past the exchange; it reads nothing."""
    relays = broker.url("catalog-relay")
    publish(relays, topology.EXCHANGE, TYPE)
    for key in ("tandem.sessions.session.ended.v1", "tandem.catalogue.x", "x.tandem.catalog.y"):
        with refused():
            publish(relays, topology.EXCHANGE, key)
    for exchange, key in (("", QUEUE), (PARTITIONED, TYPE), ("tandem.delay.1s", QUEUE)):
        with refused():
            publish(relays, exchange, key)
    for queue in (topology.HISTORY, QUEUE):
        with refused(), channel_of(relays) as channel:
            channel.basic_get(queue)


def test_nobody_but_a_relay_publishes_events(broker: Broker) -> None:
    """Not to the exchange, and not to one of the partitions behind it."""
    for name in ("sessions-worker", "sessions-declare", "operator", "keda", STRANGER):
        with refused():
            publish(broker.url(name), topology.EXCHANGE, TYPE)
    for name in ("sessions-worker", "notify-declare", "operator", "keda", STRANGER):
        with refused():
            publish(broker.url(name), PARTITIONED, TYPE)


def test_a_worker_reads_its_own_queues(broker: Broker) -> None:
    """It reads neither other services' queues nor its own dead letters."""
    worker = broker.url("sessions-worker")
    for queue in (QUEUE, PARTITIONED, partitions.name(PARTITIONED, PARTITIONS - 1)):
        with channel_of(worker) as channel:
            channel.basic_consume(queue, lambda *_: None)
    for queue in (ANOTHERS, topology.HISTORY, topology.dead(QUEUE), "tandem.delay.1s"):
        with refused(), channel_of(worker) as channel:
            channel.basic_consume(queue, lambda *_: None)


def test_only_a_services_declare_changes_its_queues(broker: Broker) -> None:
    """No other account creates, binds, unbinds or removes one."""
    partition = partitions.name(PARTITIONED, 0)
    for name in ("sessions-worker", "catalog-relay", "notify-declare", "operator", STRANGER):
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_declare("sessions.more")
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_bind(partition, PARTITIONED, partitions.WEIGHT)
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_unbind(partition, PARTITIONED, partitions.WEIGHT)
        with refused(), channel_of(broker.url(name)) as channel:
            channel.exchange_unbind(PARTITIONED, topology.EXCHANGE, TYPE)
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_delete(partition)
        with refused(), channel_of(broker.url(name)) as channel:
            channel.exchange_delete(PARTITIONED)


def test_keda_counts_and_touches_nothing(broker: Broker) -> None:
    """It sees how much waits in the queues that fit a pattern, by the HTTP API."""
    keda, pattern = broker.url("keda"), "^sessions[.]rosters([.][0-9]+)?$"
    publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
    eventually("its count", lambda: sum(broker.queues(pattern, keda).values()) == 1)
    with refused(), channel_of(keda) as channel:
        channel.basic_get(QUEUE)


def test_a_stranger_listens_by_a_queue_of_its_own(broker: Broker) -> None:
    """An account with a prefix of its own, and read on the exchange."""
    stranger = broker.url(STRANGER)
    with channel_of(stranger) as channel:
        channel.queue_declare("lti.grades", arguments={"x-queue-type": "quorum"}, durable=True)
        channel.queue_bind("lti.grades", topology.EXCHANGE, "tandem.catalog.#")
        publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
        eventually("the event", lambda: channel.basic_get("lti.grades", auto_ack=True)[0])
        channel.queue_delete("lti.grades")


def test_a_stranger_may_use_the_kit(broker: Broker) -> None:
    """The queues and the exchange of a subscription have the account's prefix."""
    with closing(SqliteInbox(":memory:")) as inbox:
        subscriber = Subscriber(broker.url(STRANGER), "lti.people", ["tandem.catalog.#"], inbox)
        subscriber.declare()
        publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
        publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
        thread = threading.Thread(target=subscriber.run, args=[print])
        thread.start()
        pattern, both = "^lti[.]people[.]dead$", {"lti.people.dead": 2}
        try:
            eventually("both, as unreadable", lambda: broker.queues(pattern) == both)
        finally:
            subscriber.stop()
            thread.join()
        assert subscriber.retry_dead() == 2
    with channel_of(broker.url(STRANGER)) as channel:
        channel.exchange_delete("lti.people.again")
        for queue in broker.queues("^lti[.]people"):
            channel.queue_delete(queue)


def test_an_operator_replays_to_a_consumer(broker: Broker, stack: dict[str, str]) -> None:
    """It needs no administrator for that; it neither reads the consumer's events nor adds one."""
    names = Names(f"t-{secrets.token_hex(4)}")
    by_admin, by_operator = (
        Consumers(Management(stack["TANDEM_AMQP_MANAGEMENT_URL"], url), url)
        for url in (broker.admin_url, broker.url("operator"))
    )
    by_admin.add(names.name, ["tandem.catalog.#"], Limits())
    try:
        event = an_event("e1")
        processes.publish(broker.admin_url, event)
        types = by_operator.patterns(names.name)
        now = datetime.fromtimestamp(ids.made_at(event.id), UTC)
        span = State(now, now + MINUTE)
        assert replay_to(broker.url("operator"), None, names, types, span).sent == 1
        with refused(), channel_of(broker.url("operator")) as channel:
            channel.basic_get(names.queue)
        with refused():
            by_operator.add("lti", types, Limits())
    finally:
        by_admin.remove(names.name, keeps_queues=False)


def test_what_the_default_exchange_still_lets_them_do(broker: Broker) -> None:
    """Retries and dead letters use it, and no right limits the queues that it reaches by name: see
    docs/operators.md.
    """
    for name in ("sessions-worker", "sessions-declare", "operator"):
        for queue in (ANOTHERS, topology.HISTORY):
            publish(broker.url(name), "", queue)
    for name in ("keda", STRANGER):
        with refused():
            publish(broker.url(name), "", ANOTHERS)


@pytest.mark.parametrize(
    "account", ["catalog-worker", "catalog-relay", "sessions-worker", "notify-worker", STRANGER]
)
def test_only_a_worker_of_catalog_sends_its_resyncs(broker: Broker, account: str) -> None:
    """It sends catalog's types, which the queue of one subscription gets; nobody else may, and it
    may send no other service's types.
    """
    key = topology.resync_key("notify.people", TYPE)
    if account != "catalog-worker":
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            publish(broker.url(account), topology.RESYNC, key)
        return
    publish(broker.url(account), topology.RESYNC, key)
    with channel_of(broker.admin_url) as channel:
        assert partitions.ready_in(channel.connection, "notify.people") == 1
    others = topology.resync_key("notify.people", "tandem.sessions.session.started.v1")
    with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
        publish(broker.url(account), topology.RESYNC, others)
