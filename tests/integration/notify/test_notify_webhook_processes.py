"""The worker and the role `webhooks` as processes: from the broker to a receiver of HTTPS."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import SystemClock
from chassis.data.store import Database
from services.notify.domain.webhooks import CreateWebhook
from services.notify.store import NotifyStore
from services.notify.usecases import webhooks
from tests.deep import only_deep
from tests.integration.notify.hooks import KEY, SECRETS, Hooks
from tests.integration.notify.receivers import Receiver, certificate, receiving
from tests.integration.notify.world import World
from tests.integration.processes import declare, eventually, publish, role


@pytest.fixture
def hooks(
    stack: dict[str, str], make_database: Callable[[type[NotifyStore]], Database[NotifyStore]]
) -> Hooks:
    """Webhooks on the system's clock: the roles have no other."""
    assert stack
    made = make_database(NotifyStore)
    database = Database(made.client, made.mongo.name, NotifyStore, SystemClock())
    return Hooks(World(database, SystemClock(), SystemClock()), None)


@pytest.fixture
def environment(stack: dict[str, str], vhost: str, hooks: Hooks, tmp_path: Path) -> dict[str, str]:
    """The environment of the roles, which trust one certificate."""
    variables = {
        **stack,
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": hooks.database.mongo.name,
        "TANDEM_MAIL_FROM": "tandem@university.example",
        "TANDEM_WEBHOOKS_KEY": KEY,
        "TANDEM_WEBHOOKS_NETWORKS": "127.0.0.0/8,::1/128",
        "SSL_CERT_FILE": str(certificate(tmp_path)),
    }
    declare("notify", variables)
    return variables


def subscribe(hooks: Hooks, receiver: Receiver, *patterns: str) -> str:
    """Make a webhook, whose secret the receiver keeps."""
    command = CreateWebhook(receiver.url, patterns, "")
    types = ["tandem.progress.catch_up.assigned.v1"]
    made = hooks.database.transact(lambda store: webhooks.create(store, command, types, False))
    receiver.secrets.append(SECRETS.secret(made.id, 1))
    return made.id


def failure(hooks: Hooks, webhook_id: str) -> str:
    """Why the last request to a webhook failed."""
    found = hooks.database.reader().webhook(webhook_id)
    assert found
    return found.last_error


def test_from_the_broker_to_the_receiver(
    hooks: Hooks, environment: dict[str, str], vhost: str, tmp_path: Path
) -> None:
    """Events that are published reach a receiver of HTTPS; one whose certificate is of another name
    gets none. SIGTERM ends the role cleanly.
    """
    other = tmp_path / "other"
    other.mkdir()
    with ExitStack() as running:
        receiver = running.enter_context(receiving(tmp_path / "localhost.pem"))
        stranger = running.enter_context(receiving(certificate(other, "other.example")))
        subscribe(hooks, receiver, "tandem.progress.#")
        unknown = subscribe(hooks, stranger, "#")
        running.enter_context(role("notify", "worker", environment))
        sender = running.enter_context(role("notify", "webhooks", environment))
        some = hooks.events(*(hooks.world.assigned(f"p{number}") for number in range(20)))
        publish(vhost, *some)
        eventually(lambda: len(set(receiver.ids)) == 20)
        eventually(lambda: "certificate" in failure(hooks, unknown).lower())
        assert not stranger.paths
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(120) == 0


@only_deep
def test_workers_that_are_killed(hooks: Hooks, environment: dict[str, str], tmp_path: Path) -> None:
    """However often the role is killed while it sends, each event arrives, with its one id."""
    with receiving(tmp_path / "localhost.pem") as receiver:
        subscribe(hooks, receiver, "#")
        wanted: list[str] = []
        for number in range(20):
            data: list[Any] = [hooks.world.assigned(f"p{number}-{each}") for each in range(100)]
            wanted += hooks.tell(*data)
        for number in range(1, 3):
            with role("notify", "webhooks", environment) as process:
                before = number * 500
                eventually(lambda before=before: len(receiver.got) > before)  # type: ignore[misc]
                os.kill(process.pid, signal.SIGKILL)
        with role("notify", "webhooks", environment):
            eventually(lambda: set(receiver.ids) == set(wanted), patience=300)
