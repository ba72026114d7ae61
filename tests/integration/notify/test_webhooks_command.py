"""`tandem webhooks` on a real API: what operators do with webhooks, from the first to the last."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from tandem.notify.v1 import notify_pb2

from campus.cli import cli
from campus.faults import message_of
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.messaging import topology
from chassis.testing import Issuer, settings_for
from services.notify import api
from services.notify.domain.webhooks import TRIED_FOR
from services.notify.webhook_events import subscription
from tests.integration.notify.hooks import SECRETS, Hooks
from tests.integration.notify.receivers import Receiver
from tests.integration.notify.test_notify_webhook_replays import after_a_moment, run
from tests.integration.notify.world import TEXTS
from tests.integration.processes import publish

ASSIGNED = "tandem.progress.catch_up.assigned.v1"
Tandem = Callable[..., Result]


@pytest.fixture
def tandem(hooks: Hooks, tmp_path: Path) -> Iterator[Tandem]:
    """Runs `tandem webhooks` as an operator."""
    issuer, token = Issuer(), tmp_path / "token"
    token.write_text(issuer.token("op", ["operator"]))
    notify = api.NotifyApi(hooks.database, TEXTS, secrets=SECRETS, allows_http=True)
    contract = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    settings = settings_for(issuer.write_jwks(tmp_path / "jwks.json"))
    server = Server(settings, "tests", hooks.database, [Servicer(notify, contract)])
    server.start()
    # As in `main`: the output is for results.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    there = ("--target", f"127.0.0.1:{server.port}", "--token-file", str(token))
    yield lambda *words: CliRunner().invoke(cli, ["webhooks", *words, *there])
    structlog.reset_defaults()
    server.drain(settings.drain)


@pytest.fixture
def facts(tandem: Tandem) -> Callable[..., Any]:
    """Runs it, and returns its JSON."""

    def found(*words: str) -> Any:
        done = tandem(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return found


def test_from_the_first_to_the_last(
    hooks: Hooks, receiver: Receiver, vhost: str, tandem: Tandem, facts: Callable[..., Any]
) -> None:
    """Adding and rotating print a secret that verifies, and nothing else prints one. What is parked
    is listed; a replay sends it, with the history. Removing leaves nothing.
    """
    topology.declare(vhost, [subscription()])
    began = datetime.now(UTC)
    types = f"{ASSIGNED}, tandem.catalog.person.*.v1"
    made = facts("add", receiver.url, "--types", types, "--description", "records")
    webhook, secret = made["id"], made["secret"]
    receiver.secrets.append(secret)
    assert (made["state"], made["patterns"][0], made["waiting"]) == ("ACTIVE", ASSIGNED, 0)
    assert list(made["personal_data"]) == ["tandem.catalog.person.upserted.v1"]

    receiver.always = 500
    (parked,) = hooks.tell(hooks.world.assigned("ada"))
    (waiting,) = facts("deliveries", webhook, "--state", "waiting")
    assert (waiting["event"], waiting["type"], waiting["finished_at"]) == (parked, ASSIGNED, None)
    hooks.send()
    hooks.after(TRIED_FOR)
    (row,) = facts("list")
    assert (row["webhook"], row["parked"], row["waiting"]) == (webhook, 1, 0)
    assert row["failing_since"]
    (found,) = facts("deliveries", webhook)
    assert (found["event"], found["error"]) == (parked, "it answered with status 500")

    old = hooks.events(hooks.world.assigned("grace"))
    publish(vhost, *old)
    receiver.always = 204
    ended = after_a_moment()
    asked = facts("replay", webhook, "--since", began.isoformat(), "--until", ended.isoformat())
    assert (asked["id"], asked["last_error"]) == (webhook, "")
    refused = tandem("resume", webhook)
    assert "runs: 0 events are queued" in message_of(refused.exception)  # type: ignore[arg-type]
    run(hooks, vhost)
    assert set(receiver.ids) == {parked, old[0].id}
    shown = facts("show", webhook)
    assert (shown["replay"]["state"], shown["replay"]["queued"]) == ("DONE", 2)

    rotated = facts("rotate", webhook)
    assert rotated["secret_version"] == 2
    receiver.secrets = [rotated["secret"]]
    hooks.tell(hooks.world.assigned("alan"))
    hooks.send()
    assert len(receiver.ids) == 3

    everything = "".join(
        tandem(*words).output
        for words in (("list",), ("show", webhook), ("deliveries", webhook, "--state", "delivered"))
    )
    assert webhook in everything
    assert "whsec_" not in everything
    assert facts("remove", webhook) == {"webhook": webhook}
    hooks.send()
    assert facts("list") == []


def test_a_stopped_webhook_is_resumed(
    hooks: Hooks, receiver: Receiver, vhost: str, facts: Callable[..., Any]
) -> None:
    """What waits for it comes, and nothing of the past comes again."""
    topology.declare(vhost, [subscription()])
    publish(vhost, *hooks.events(hooks.world.assigned("past")))
    webhook = facts("add", receiver.url, "--types", "#")["id"]
    receiver.secrets.append(SECRETS.secret(webhook, 1))
    receiver.answers.append(410)
    wanted = hooks.tell(hooks.world.assigned("ada"))
    hooks.send()
    assert facts("show", webhook)["state"] == "STOPPED"
    after_a_moment()
    assert facts("resume", webhook)["state"] == "ACTIVE"
    run(hooks, vhost)
    assert receiver.ids == wanted


REFUSED = (
    (("add", "ftp://x", "--types", "no words,tandem.nothing.#"), ("url", "patterns[0]", "[1]")),
    (("add", "https://x.example", "--types", ","), ("patterns",)),
    (("replay", "none", "--since", "1h"), ("no webhook none",)),
    (("rotate", "none"), ("no webhook none",)),
    (("remove", "none"), ("no webhook none",)),
    (("deliveries", "none"), ("no webhook none",)),
    (("show", "none"), ("no webhook none",)),
    (("replay", "none", "--since", "someday"), ("is no instant",)),
)


def test_what_is_wrong_is_told(tandem: Tandem) -> None:
    """All faults at once, and nothing is done."""
    for words, told in REFUSED:
        done = tandem(*words)
        text = done.output + message_of(done.exception)  # type: ignore[arg-type]
        assert done.exit_code != 0
        assert [each for each in told if each not in text] == [], words
    assert json.loads(tandem("list", "--json").stdout) == []
