"""The broker's accounts of deploy/kubernetes, on a real broker: enough to work, and no more."""

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from pika.exceptions import ChannelClosedByBroker

from campus.architecture import services
from chassis import deadletters, history, topology
from chassis.events import Event
from services.catalog.domain.events import PersonUpserted
from services.catalog.domain.words import Role
from services.catalog.store import CatalogStore
from services.sessions.store import SessionsStore
from tests.contract.deploy.manifests import Object, of_kind, overlay
from tests.integration.chassis.bus import channel_of, eventually

QUEUE, ANOTHERS = "sessions.recordings", "notify.triggers"
TYPE = "tandem.catalog.person.upserted.v1"
# What docs/operators.md gives to a system that listens.
STRANGER = {
    "configure": "^lti[.].+$",
    "write": "^lti[.].+$",
    "read": "^(tandem[.]events|lti[.].+)$",
}


@dataclass(frozen=True)
class Broker:
    """A virtual host with the accounts of the manifests."""

    stack: Mapping[str, str]
    admin_url: str
    passwords: Mapping[str, str]

    @property
    def vhost(self) -> str:
        """Its name; that of an account begins with it, for users are the whole broker's."""
        return urlsplit(self.admin_url).path[1:]

    def user(self, name: str) -> str:
        """An account's name at the broker."""
        return f"{self.vhost}.{name}"

    def url(self, name: str) -> str:
        """The AMQP URL of an account."""
        parts = urlsplit(self.admin_url)
        place = f"{self.user(name)}:{self.passwords[name]}@{parts.hostname}:{parts.port}"
        return parts._replace(netloc=place).geturl()

    def manage(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Ask the management API."""
        admin = urlsplit(self.admin_url)
        request = urllib.request.Request(
            f"{self.stack['TANDEM_AMQP_MANAGEMENT_URL']}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        token = b64encode(f"{admin.username}:{admin.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=30).close()

    def apply(self, each: Object) -> None:
        """Do what RabbitMQ's messaging topology operator does with an object."""
        spec, vhost = each["spec"], quote(self.vhost, safe="")
        if each["kind"] == "User":
            self.add_user(each["metadata"]["name"])
        elif each["kind"] == "Policy":
            self.manage("PUT", f"policies/{vhost}/{spec['name']}", _policy(spec))
        else:
            kind = {"Permission": "permissions", "TopicPermission": "topic-permissions"}
            user = self.user(spec["userReference"]["name"])
            self.manage("PUT", f"{kind[each['kind']]}/{vhost}/{user}", spec["permissions"])

    def add_user(self, name: str) -> None:
        """An account that may nothing yet."""
        body = {"password": self.passwords[name], "tags": ""}
        self.manage("PUT", f"users/{self.user(name)}", body)


def _policy(spec: Mapping[str, Any]) -> dict[str, Any]:
    """For 3.10, too, which knows queues of any type only."""
    kept = {key: spec[key] for key in ("pattern", "priority", "definition")}
    return {**kept, "apply-to": "queues"}


def objects() -> list[Object]:
    """What the manifests say of accounts and queues, users first."""
    kinds = ("User", "Permission", "TopicPermission", "Policy")
    return [each for kind in kinds for each in of_kind(overlay("university"), kind)]


@pytest.fixture
def broker(stack: dict[str, str], vhost: str) -> Iterator[Broker]:
    """A virtual host as the manifests want it, and what the `declare` roles make of it."""
    users = [each["metadata"]["name"] for each in of_kind(objects(), "User")] + ["stranger"]
    found = Broker(stack, vhost, {name: secrets.token_hex(8) for name in users})
    try:
        for each in objects():
            found.apply(each)
        found.add_user("stranger")
        path = f"permissions/{quote(found.vhost, safe='')}/{found.user('stranger')}"
        found.manage("PUT", path, STRANGER)
        for name in services():
            with role(name, "declare", found) as process:
                assert process.wait(60) == 0, name
        yield found
    finally:
        for name in users:
            found.manage("DELETE", f"users/{found.user(name)}")


@contextmanager
def role(
    service: str, name: str, broker: Broker, database: str = "none"
) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of a service under its account; killed at the end where it still runs."""
    environment = {
        **broker.stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_AMQP_URL": broker.url(f"{service}-{name}"),
        "TANDEM_MONGO_DATABASE": database,
    }
    command = [sys.executable, "-W", "ignore", "-m", f"services.{service}", name]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def a_person() -> PersonUpserted:
    """Something that happened."""
    return PersonUpserted(
        person_id="p1",
        given_name="Ada",
        family_name="L",
        email="ada@example.edu",
        language="en",
        zone="Europe/Berlin",
        roles=(Role.LEARNER,),
    )


def publish(url: str, exchange: str, key: str) -> None:
    """Publish a message and wait for the broker's word."""
    with channel_of(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, b"{}")


@contextmanager
def refused() -> Iterator[None]:
    """The broker says that the account may not."""
    with pytest.raises(ChannelClosedByBroker) as raised:
        yield
    assert raised.value.reply_code == 403


def test_an_event_travels_under_the_accounts(broker: Broker, make_database: Any) -> None:
    """From one service's outbox to another's state, and the operator reads the history."""
    catalog, sessions = make_database(CatalogStore), make_database(SessionsStore)
    catalog.transact(lambda store: store.publish(a_person()))
    with (
        role("catalog", "relay", broker, catalog.mongo.name),
        role("sessions", "worker", broker, sessions.mongo.name),
    ):
        eventually("it is known there", lambda: sessions.mongo["people"].find_one({"_id": "p1"}))
        eventually("it is off", lambda: not catalog.mongo["outbox"].count_documents({}))
    [(_, event)] = history.read(broker.url("operator"), "first")
    assert isinstance(event, Event)
    assert event.type == TYPE


def test_a_worker_gives_up_what_an_operator_sends_back(broker: Broker, make_database: Any) -> None:
    """A worker reaches its dead letters, an operator sees them and sends them back."""
    sessions, operator = make_database(SessionsStore), broker.url("operator")
    publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
    queue = "sessions.rosters"
    with role("sessions", "worker", broker, sessions.mongo.name):
        eventually("a dead letter", lambda: deadletters.count(operator, [queue])[queue] == 1)
        [letter] = deadletters.show(operator, queue)
        assert letter.reason.startswith("no CloudEvent")
        assert deadletters.replay(operator, queue) == 1
        eventually("another", lambda: deadletters.count(operator, [queue])[queue] == 1)
    assert deadletters.discard(operator, queue) == 1


def test_what_is_refused(broker: Broker) -> None:
    """Each account reaches what its role's work needs, and nothing else."""
    relay, worker = broker.url("catalog-relay"), broker.url("sessions-worker")
    publish(relay, topology.EXCHANGE, TYPE)
    for key in ("tandem.sessions.session.ended.v1", "tandem.catalogue.x", "x.tandem.catalog.y"):
        with refused():
            publish(relay, topology.EXCHANGE, key)
    with refused():
        publish(relay, "", QUEUE)
    for name in ("sessions-worker", "sessions-declare", "operator", "stranger"):
        with refused():
            publish(broker.url(name), topology.EXCHANGE, TYPE)
    for queue in (ANOTHERS, topology.HISTORY, topology.dead(QUEUE)):
        with refused(), channel_of(worker) as channel:
            channel.basic_get(queue)
    for name in ("sessions-worker", "catalog-relay", "operator", "stranger"):
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_delete(QUEUE)
        with refused(), channel_of(broker.url(name)) as channel:
            channel.queue_declare("sessions.more")
    with refused(), channel_of(broker.url("sessions-declare")) as channel:
        channel.queue_delete(ANOTHERS)


def test_a_worker_reads_its_queues_and_their_partitions(broker: Broker) -> None:
    """Every queue that its service's `declare` made, whatever their number."""
    for name in ("sessions.rosters", "sessions.rosters.0", "sessions.rosters.17"):
        with channel_of(broker.url("sessions-declare")) as channel:
            channel.queue_declare(name, durable=True, arguments=topology.queue_arguments(name))
        with channel_of(broker.url("sessions-worker")) as channel:
            channel.basic_get(name)


def test_a_stranger_listens_by_a_queue_of_its_own(broker: Broker) -> None:
    """An account with a prefix of its own, and read on the exchange."""
    stranger = broker.url("stranger")
    with channel_of(stranger) as channel:
        channel.queue_declare("lti.grades", arguments={"x-queue-type": "quorum"}, durable=True)
        channel.queue_bind("lti.grades", topology.EXCHANGE, "tandem.catalog.#")
        publish(broker.url("catalog-relay"), topology.EXCHANGE, TYPE)
        eventually("the event", lambda: channel.basic_get("lti.grades", auto_ack=True)[0])


def test_what_the_default_exchange_still_lets_them_do(broker: Broker) -> None:
    """Retries and dead letters go by it, and no right bounds whom it reaches: any queue, by its
    name. docs/operators.md says what that means.
    """
    for name in ("sessions-worker", "sessions-declare", "operator"):
        publish(broker.url(name), "", ANOTHERS)
    with refused():
        publish(broker.url("stranger"), "", ANOTHERS)
