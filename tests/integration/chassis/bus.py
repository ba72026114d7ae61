"""Helpers of the bus tests: a service's servers, its roles as processes, and their state."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from tandem.catalog.v1 import events_pb2

from chassis import ids
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.data.store import Database
from chassis.messaging import history, topology
from chassis.messaging.queue_figures import Figures, figures
from chassis.operations.settings import PARTITIONS, Settings
from tests.integration import processes
from tests.integration.chassis.bus_service import (
    QUEUE,
    EnrolmentWithdrawn,
    store_class,
    subscription,
)
from tests.integration.chassis.proxy import Proxy
from tests.integration.processes import PATIENCE, publish

TYPE = "tandem.catalog.enrolment.withdrawn.v1"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
Message = tuple[Any, Any, bytes]


def eventually(what: str, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `holds` answers once it is true; fails after a while."""
    return processes.eventually(holds, what, patience)


@contextmanager
def nothing_to_read() -> Iterator[None]:
    """Where the history has nothing to tell, its readers are soon sure of that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "QUIET", 0.1)
        yield


@dataclass(frozen=True)
class Bus:
    """A service's database and virtual host."""

    database: Database[Any]
    amqp_url: str
    mongo_url: str

    @property
    def settings(self) -> Settings:
        """The settings of its roles."""
        return Settings(
            environment="development",
            mongo_url=self.mongo_url,
            mongo_database=self.database.mongo.name,
            amqp_url=self.amqp_url,
        )

    def through(self, amqp: Proxy | None = None, mongo: Proxy | None = None) -> "Bus":
        """The same, by ways that a test can cut."""
        return replace(
            self,
            amqp_url=through(amqp, self.amqp_url) if amqp else self.amqp_url,
            mongo_url=mongo.url if mongo else self.mongo_url,
        )

    @contextmanager
    def running(
        self, role: str, stdout: Any = None, **more: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """A role as a process; killed at the end where it still runs."""
        command = [sys.executable, "-W", "ignore", "-m", f"{__package__}.bus_service", role]
        environment = {
            "TANDEM_ENVIRONMENT": "development",
            "TANDEM_MONGO_URL": self.mongo_url,
            "TANDEM_MONGO_DATABASE": self.database.mongo.name,
            "TANDEM_AMQP_URL": self.amqp_url,
            **more,
        }
        whole = {**os.environ, **environment}
        with subprocess.Popen(command, env=whole, stdout=stdout) as process:
            try:
                yield process
            finally:
                process.kill()

    def commit(self, run: str, enrolments: Iterable[str], learner: str = "l") -> None:
        """Let enrolments be withdrawn from a run, in one unit of work."""
        happened = [EnrolmentWithdrawn(each, run, learner, NOW) for each in enrolments]
        self.database.transact(lambda store: store.record_event(*happened))

    def waiting(self) -> int:
        """How many events wait in the outbox."""
        return self.database.mongo["outbox"].count_documents({})

    def effects(self) -> dict[str, int]:
        """How often each enrolment's event had its effect."""
        return {row["_id"]: row["count"] for row in self.database.mongo["effects"].find()}

    def let_know(self, what: str) -> None:
        """Heal what waits for `what`."""
        self.database.mongo["known"].insert_one({"_id": what})

    def declare(self, partitions: int = PARTITIONS) -> None:
        """Declare what the service declares."""
        topology.declare(self.amqp_url, [subscription()], partitions)

    def publish(self, *published: Event[Any]) -> None:
        """Publish events, as a relay does."""
        publish(self.amqp_url, *published)

    def send(self, *sent: Event[Any]) -> None:
        """Put events into the subscription's queue."""
        self.send_raw(*((events.headers_of(event), events.body_of(event.data)) for event in sent))

    def send_raw(self, *sent: tuple[dict[str, Any] | None, bytes], queue: str = QUEUE) -> None:
        """Put messages into a queue."""
        with channel_of(self.amqp_url) as channel:
            channel.confirm_delivery()
            for headers, body in sent:
                properties = pika.BasicProperties(delivery_mode=2, headers=headers)
                channel.basic_publish("", queue, body, properties, mandatory=True)

    def count(self, queue: str = QUEUE) -> int:
        """How many messages a queue has ready."""
        return self.figures(queue).ready

    def figures(self, queue: str = QUEUE) -> Figures:
        """How many messages a queue has ready, and how many consume it."""
        with channel_of(self.amqp_url) as channel:
            found = figures(channel.connection, queue)
        assert found, f"there is no queue {queue}"
        return found

    def messages(self, queue: str, least: int) -> Sequence[Message]:
        """Take messages off a queue: at least this number, and all that are there then."""
        found: list[Message] = []
        with channel_of(self.amqp_url) as channel:
            for message in channel.consume(queue, auto_ack=True, inactivity_timeout=0.3):
                if message[0] is not None:
                    found.append(message)
                elif len(found) >= least and self.count(queue) == 0:
                    channel.basic_qos()  # answered after the messages that are on their way
                    if channel.get_waiting_message_count() == 0:
                        return found
        raise AssertionError


def an_event(enrolment: str, learner: str = "l", run: str = "run", sequence: int = 1) -> Event[Any]:
    """An event of the contracts, as a relay would publish it."""
    data = events_pb2.EnrolmentWithdrawn(enrolment_id=enrolment, run_id=run, learner_id=learner)
    return Event(
        id=ids.new_id(),
        type=TYPE,
        source="/tandem/catalog",
        time=NOW,
        subject=enrolment,
        partition_key=run,
        sequence=sequence,
        traceparent="",
        data=data,
    )


@contextmanager
def channel_of(amqp_url: str) -> Iterator[Any]:
    """A channel on a connection of its own."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()


def listen(amqp_url: str, queue: str, routing_key: str = "#") -> None:
    """A stranger's queue on the exchange; the history, for which a relay waits, comes after it."""
    with channel_of(amqp_url) as channel:
        topology.declare_exchange(channel)
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(queue, topology.EXCHANGE, routing_key)
        topology.declare_history(channel)


def through(proxy: Proxy, amqp_url: str) -> str:
    """The AMQP URL that leads through a proxy."""
    parts = urlsplit(amqp_url)
    place = f"{parts.username}:{parts.password}@127.0.0.1:{urlsplit(proxy.url).port}"
    return parts._replace(netloc=place).geturl()


def store() -> Any:
    """The service's store class."""
    return store_class()
