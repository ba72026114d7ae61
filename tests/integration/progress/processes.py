"""Progress' roles as processes, and what the bus brings them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pika

from chassis.events import Event, body_of, headers_of
from tests.integration.progress.classroom import Classroom

EXCHANGE = "tandem.events"


def eventually(holds: Callable[[], Any]) -> None:
    """Wait until something holds; fail after a while."""
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.1)


def environment_of(classroom: Classroom, stack: dict[str, str], amqp_url: str) -> dict[str, str]:
    """What the roles are told: the classroom's database, and a bus, where their queues are made."""
    environment = {
        **stack,
        "TANDEM_AMQP_URL": amqp_url,
        "TANDEM_MONGO_DATABASE": classroom.database.mongo.name,
    }
    with role("declare", environment) as declare:
        assert declare.wait(120) == 0
    return environment


@contextmanager
def role(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of progress; killed at the end where it still runs."""
    command = [sys.executable, "-W", "ignore", "-m", "services.progress", name]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def publish(amqp_url: str, *events: Event[Any]) -> None:
    """Put events on the bus, as another service's relay does."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            properties = pika.BasicProperties(
                content_type="application/json", delivery_mode=2, headers=headers_of(event)
            )
            channel.basic_publish(
                EXCHANGE, event.type, body_of(event.data), properties, mandatory=True
            )
