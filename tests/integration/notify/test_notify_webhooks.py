"""Webhooks: events reach real receivers, signed, in order, again after failures, and in time."""

import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, webhooks_pb2

from chassis.edge.http import outgoing
from chassis.edge.methods import Servicer
from chassis.testing import running
from services.notify import api
from services.notify.domain.webhooks import MOST_WEBHOOKS, TRIED_FOR
from services.notify.texts import Texts
from services.notify.webhook_events import structured
from tests.integration.notify.hooks import HASTY, KEY, Hooks
from tests.integration.notify.receivers import (
    Receiver,
    drip,
    flood,
    garbage,
    hang_up,
    receiving,
)
from tests.integration.notify.world import World
from tests.integration.processes import eventually

CODE = grpc.StatusCode
HOUR = timedelta(hours=1)
ACTIVE, STOPPED = webhooks_pb2.WEBHOOK_STATE_ACTIVE, webhooks_pb2.WEBHOOK_STATE_STOPPED


def refused(call: Any) -> grpc.StatusCode:
    """The status with which a call is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    code: grpc.StatusCode = caught.value.code()
    return code


def everything(hooks: Hooks) -> str:
    """All that notify's database has, as text."""
    mongo = hooks.database.mongo
    rows = {name: list(mongo[name].find()) for name in mongo.list_collection_names()}
    return str(rows)


def test_events_are_posted_and_signed(hooks: Hooks, receiver: Receiver) -> None:
    """A webhook gets the types that it asks for, once each though they come again, signed, as
    CloudEvents; their order is that of their aggregate.
    """
    webhook = hooks.create(receiver, "tandem.progress.catch_up.*.v1")
    first = hooks.events(*(hooks.world.changed("ada", "c1") for _ in range(5)))
    others = hooks.events(*(hooks.world.assigned(f"p{number}") for number in range(20)))
    hooks.tell(hooks.world.enrolled("ada"))
    wanted = hooks.hear(*first, *others)
    hooks.hear(*others, *first)
    hooks.send()
    hooks.hear(*first)
    hooks.send()
    assert sorted(receiver.ids) == sorted(wanted)
    mine = [each for each in receiver.got if each["partitionkey"] == first[0].partition_key]
    assert [each["id"] for each in mine if each["id"] in wanted[:5]] == wanted[:5]
    assert [int(each["sequence"]) for each in mine] == sorted(int(e["sequence"]) for e in mine)
    (event,) = (each for each in receiver.got if each["id"] == others[0].id)
    assert event["type"] == "tandem.progress.catch_up.assigned.v1"
    assert event["specversion"] == "1.0"
    assert event["data"]["learnerId"] == "p0"
    assert receiver.headers[0]["content-type"].startswith("application/cloudevents+json")
    shown = hooks.listed(webhook)
    assert (shown.waiting, shown.parked, shown.state) == (0, 0, ACTIVE)
    assert len(hooks.deliveries(webhook, "DELIVERED")) == 25
    assert "learnerId" not in everything(hooks)  # what was delivered is not kept


def test_secrets(hooks: Hooks, receiver: Receiver) -> None:
    """They are told at creation and rotation only, the same to a repeat, and are stored nowhere. A
    receiver that knows the old one, or the new one, verifies during a rotation.
    """
    request = webhooks_pb2.CreateWebhookRequest(url=receiver.url, patterns=["#"], request_id="r1")
    made, again = hooks.operator.CreateWebhook(request), hooks.operator.CreateWebhook(request)
    assert made == again
    rotation = webhooks_pb2.RotateWebhookSecretRequest(webhook_id=made.webhook.id, request_id="r2")
    changed = hooks.operator.RotateWebhookSecret(rotation)
    assert changed == hooks.operator.RotateWebhookSecret(rotation)
    assert changed.secret != made.secret
    assert changed.webhook.HasField("old_secret_until")
    for secret in (made.secret, changed.secret):
        receiver.secrets = [secret]
        (event,) = hooks.tell(hooks.world.assigned("ada"))
        hooks.after(timedelta(seconds=3))
        assert receiver.ids[-1] == event
    assert len(receiver.headers[-1]["webhook-signature"].split()) == 2
    over = {"$set": {"old_secret_until": hooks.world.clock.now() - timedelta(days=9999)}}
    hooks.database.mongo["webhooks"].update_one({}, over)
    hooks.tell(hooks.world.assigned("ada"))
    hooks.after(timedelta(seconds=3))
    assert len(receiver.headers[-1]["webhook-signature"].split()) == 1
    shown = str(hooks.operator.ListWebhooks(webhooks_pb2.ListWebhooksRequest()))
    for secret in (made.secret, changed.secret, KEY):
        assert secret not in shown + everything(hooks)


def test_a_failed_event_is_sent_again(hooks: Hooks, receiver: Receiver) -> None:
    """After a pause by the clock, with the same id; the webhook tells why it fails."""
    webhook = hooks.create(receiver)
    receiver.answers += [500, 302, 400]
    (event,) = hooks.tell(hooks.world.assigned("ada"))
    hooks.send()
    assert hooks.listed(webhook).last_error == "it answered with status 500"
    hooks.send()
    assert len(receiver.paths) == 1  # not yet
    for _ in range(3):
        hooks.after(HOUR)
    assert receiver.ids == [event]
    assert receiver.paths == ["/hook"] * 4  # no redirect was followed
    assert {each["webhook-id"] for each in receiver.headers} == {event}
    shown = hooks.listed(webhook)
    assert (shown.last_error, shown.HasField("failing_since")) == ("", False)
    (done,) = hooks.deliveries(webhook, "DELIVERED")
    assert done.attempts == 4


def test_a_dead_receiver_gets_one_request_at_a_time(hooks: Hooks, receiver: Receiver) -> None:
    """Attempts do not pile up, however much waits; when it is back, all comes."""
    webhook = hooks.create(receiver)
    receiver.always = 503
    wanted = hooks.tell(*(hooks.world.assigned(f"p{number}") for number in range(150)))
    hooks.send()
    begun = len(receiver.paths)
    assert begun <= 8  # two on each connection
    for number in range(1, 6):
        hooks.after(timedelta(minutes=11))
        assert len(receiver.paths) == begun + number
    assert hooks.listed(webhook).waiting == 150
    receiver.always = 204
    for _ in range(3):
        hooks.after(HOUR)
    assert sorted(receiver.ids) == sorted(wanted)


def test_parked_after_three_days(hooks: Hooks, receiver: Receiver) -> None:
    """What was tried in vain for three days is parked and listed with the reason, also what waited
    behind it; newer events are tried on.
    """
    webhook = hooks.create(receiver)
    receiver.always = 500
    old = hooks.tell(*(hooks.world.assigned(f"p{number}") for number in range(20)))
    hooks.send()
    hooks.system.at += TRIED_FOR
    hooks.tell(hooks.world.assigned("late"))
    hooks.database.mongo["webhook_deliveries"].update_one(
        {"event_id": {"$nin": old}}, {"$set": {"queued_at": hooks.system.at}}
    )
    hooks.send()
    parked = hooks.deliveries(webhook, "PARKED")
    assert [each.event_id for each in parked] == old
    assert {each.error for each in parked} == {"it answered with status 500"}
    assert (hooks.listed(webhook).parked, hooks.listed(webhook).waiting) == (20, 1)
    assert hooks.listed(webhook).state == ACTIVE
    tried = len(receiver.paths)
    hooks.after(HOUR)
    assert len(receiver.paths) == tried + 1


def test_gone(hooks: Hooks, receiver: Receiver) -> None:
    """A receiver that answers 410 gets nothing more, and says so where operators look; what comes
    meanwhile waits.
    """
    webhook = hooks.create(receiver)
    receiver.answers.append(410)
    first = hooks.tell(hooks.world.assigned("ada"))
    hooks.send()
    second = hooks.tell(hooks.world.assigned("grace"))
    rotation = webhooks_pb2.RotateWebhookSecretRequest(webhook_id=webhook)
    hooks.operator.RotateWebhookSecret(rotation)
    hooks.after(timedelta(days=4))
    shown = hooks.listed(webhook)
    assert (shown.state, shown.waiting, len(receiver.paths)) == (STOPPED, 2, 1)
    assert "410" in shown.reason
    hooks.replay(webhook, hooks.world.clock.now() - HOUR, hooks.world.clock.now())
    hooks.send()
    assert sorted(receiver.ids) == sorted([*first, *second])
    assert hooks.listed(webhook).state == ACTIVE


def test_slow_receivers_delay_nobody(hooks: Hooks, receiver: Receiver) -> None:
    """Though more receivers hang than there are turns at once, another gets its events meanwhile,
    also later ones.
    """
    released = threading.Event()

    def hang(_: Any) -> int:
        released.wait(120)
        return 204

    def arrived(count: int) -> bool:
        # On a busy machine this receiver may be late, too: then it is tried again.
        hooks.system.at += timedelta(seconds=2)
        return len(set(receiver.ids)) == count

    with ExitStack() as stack:
        hanging = stack.enter_context(receiving())
        stack.callback(released.set)
        hanging.always = hang
        for _ in range(14):
            hooks.create(hanging)
        hooks.create(receiver)
        runner = hooks.runner(total=HASTY)
        runner.start()
        stack.callback(runner.join)
        stack.callback(runner.stop)
        for count in range(1, 4):
            hooks.tell(hooks.world.assigned(f"p{count}"))
            eventually(partial(arrived, count))
        assert not hanging.got


@pytest.mark.parametrize("answer", [drip, garbage, hang_up, flood])
def test_whatever_a_receiver_answers(hooks: Hooks, receiver: Receiver, answer: Any) -> None:
    """It fails with a reason, or is done, and holds nobody; the next request is a good one."""
    webhook = hooks.create(receiver)
    receiver.answers.append(answer)
    (event,) = hooks.tell(hooks.world.assigned("ada"))
    hooks.send(total=HASTY if answer is drip else 60)
    shown = hooks.listed(webhook)
    assert bool(shown.last_error) is (answer is not flood)
    hooks.after(HOUR)
    assert receiver.ids == ([] if answer is flood else [event])


@pytest.mark.parametrize(
    ("host", "networks"),
    [
        ("localhost", ()),
        ("127.0.0.1", ("10.0.0.0/8",)),
        ("[::ffff:127.0.0.1]", ()),
        ("0.0.0.0", ()),
    ],
)
def test_private_addresses_are_refused(
    hooks: Hooks, receiver: Receiver, host: str, networks: tuple[str, ...]
) -> None:
    """Unless a setting allows their networks; nothing is sent."""
    receiver.url = receiver.url.replace("localhost", host)
    webhook = hooks.create(receiver)
    hooks.tell(hooks.world.assigned("ada"))
    hooks.send(networks=[ip_network(each) for each in networks])
    assert "leads to no address that is allowed" in hooks.listed(webhook).last_error
    assert not receiver.paths


def test_a_name_is_looked_up_once(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was looked at is the one that is called, whatever the name means later."""
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    receiver.url = receiver.url.replace("localhost", "hook.example.edu")
    asked: list[str] = []

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    module = SimpleNamespace(getaddrinfo=look_up, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr(outgoing, "socket", module)
    webhook = hooks.create(receiver)
    (event,) = hooks.tell(hooks.world.assigned("ada"))
    hooks.send()
    assert receiver.ids == [event]
    assert asked == ["hook.example.edu"]
    assert receiver.headers[0]["host"] == f"hook.example.edu:{port}"
    hooks.tell(hooks.world.assigned("ada"))
    hooks.after(timedelta(seconds=3))
    assert "no address that is allowed" in hooks.listed(webhook).last_error


def test_deleting(hooks: Hooks, receiver: Receiver) -> None:
    """Nothing is left of a webhook, and nothing is sent."""
    webhook = hooks.create(receiver)
    hooks.tell(hooks.world.assigned("ada"))
    hooks.operator.DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(webhook_id=webhook))
    hooks.tell(hooks.world.assigned("ada"))
    for call in (
        lambda: hooks.operator.DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(webhook_id=webhook)),
        lambda: hooks.deliveries(webhook, "WAITING"),
        lambda: hooks.replay(webhook, hooks.system.at - HOUR, hooks.system.at),
        lambda: hooks.operator.RotateWebhookSecret(
            webhooks_pb2.RotateWebhookSecretRequest(webhook_id=webhook)
        ),
    ):
        assert refused(call) is CODE.NOT_FOUND
    hooks.send()
    assert not receiver.paths
    mongo = hooks.database.mongo
    for name in ("webhooks", "webhook_deliveries", "webhook_replays"):
        assert mongo[name].count_documents({}) == 0


def test_refused_requests(hooks: Hooks, receiver: Receiver, world: World) -> None:
    """Every fault is listed at once; there is a limit of webhooks, also of those made at once."""
    request = webhooks_pb2.CreateWebhookRequest(
        url="gopher://x", patterns=["tandem.catalogue.#", "a b"]
    )
    with pytest.raises(grpc.RpcError) as caught:
        hooks.operator.CreateWebhook(request)
    assert caught.value.code() is CODE.INVALID_ARGUMENT
    for field in ("url", "patterns[0]", "patterns[1]"):
        assert field in str(caught.value.details())
    for _ in range(MOST_WEBHOOKS - 1):
        hooks.create(receiver)
    outcomes: list[grpc.StatusCode] = []

    def create() -> None:
        try:
            hooks.create(receiver)
            outcomes.append(CODE.OK)
        except grpc.RpcError as error:
            outcomes.append(error.code())

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {CODE.OK: 1, CODE.FAILED_PRECONDITION: 3}
    webhook = hooks.operator.ListWebhooks(webhooks_pb2.ListWebhooksRequest()).webhooks[0].id
    now = hooks.world.clock.now()
    assert refused(lambda: hooks.replay(webhook, now, now)) is CODE.INVALID_ARGUMENT
    hooks.replay(webhook, now - HOUR, now)
    assert refused(lambda: hooks.replay(webhook, now - HOUR, now)) is CODE.FAILED_PRECONDITION
    off = api.NotifyApi(world.database, Texts())
    contract = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    with running([Servicer(off, contract)], world.database) as channels:
        stub = notify_pb2_grpc.NotifyServiceStub(channels("op", "operator"))
        request = webhooks_pb2.CreateWebhookRequest(url=receiver.url, patterns=["#"])
        assert refused(lambda: stub.CreateWebhook(request)) is CODE.FAILED_PRECONDITION


def test_the_example_receiver(hooks: Hooks, tmp_path: Path) -> None:
    """examples/with_webhook.py counts each event once, and takes none that is not signed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = Receiver(f"http://localhost:{port}/")
    webhook, counts = hooks.create(one, "tandem.progress.#"), tmp_path / "counts.db"
    command = [sys.executable, "examples/with_webhook.py", str(port), one.secrets[0], str(counts)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            events = hooks.events(*(hooks.world.assigned(f"p{number}") for number in range(5)))
            hooks.hear(*events)
            hooks.send()
            again = {"$set": {"state": "WAITING", "body": structured(events[0])}}
            hooks.database.mongo["webhook_deliveries"].update_many({}, again)
            hooks.after(timedelta(seconds=3))
            stranger = urllib.request.Request(one.url, b"{}", method="POST")
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(stranger, timeout=60)
        finally:
            process.kill()
    assert len(hooks.deliveries(webhook, "DELIVERED")) == 5
    with sqlite3.connect(counts) as database:
        rows = database.execute("SELECT * FROM counts").fetchall()
    assert rows == [("tandem.progress.catch_up.assigned.v1", 5)]
