"""The roles as processes: a browser and a telephone from their registration to their messages."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, resources_pb2

from campus.remote import Where, channel_to
from chassis.clock import SystemClock
from chassis.data.store import Database
from chassis.testing import AUDIENCE, ISSUER, Issuer
from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.messages import UNKNOWN
from services.notify.domain.preferences import CategoryPreference
from services.notify.store import NotifyStore
from services.notify.webpush import write_key
from tests.deep import only_deep
from tests.integration.notify.phones import Browser, Gateway, PushService, listening
from tests.integration.notify.world import World
from tests.integration.processes import RoleProcess, declare, eventually, role
from tests.mongo import end_leases, end_transactions

NUMBER = "+353851234567"
BOTH = (Channel.SMS, Channel.PUSH)


@dataclass
class Installation:
    """Servers, and the environment of the roles that know them."""

    world: World
    gateway: Gateway
    service: PushService
    environment: dict[str, str]


@pytest.fixture
def issuer() -> Issuer:
    """Who gives tokens."""
    return Issuer()


@pytest.fixture
def here(
    stack: dict[str, str],
    vhost: str,
    make_database: Callable[[type[NotifyStore]], Database[NotifyStore]],
    issuer: Issuer,
    tmp_path: Path,
) -> Iterator[Installation]:
    """An installation with a gateway and a push service, on the system's clock."""
    made = make_database(NotifyStore)
    database = Database(made.client, made.mongo.name, NotifyStore, SystemClock())
    public_key = write_key(tmp_path / "push.pem")
    gateway, service = Gateway(), PushService(public_key)
    with listening(gateway), listening(service):
        variables = {
            **stack,
            "TANDEM_ENVIRONMENT": "development",
            "TANDEM_JWKS_URL": issuer.write_jwks(tmp_path / "jwks.json"),
            "TANDEM_TOKEN_ISSUER": ISSUER,
            "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
            "TANDEM_AMQP_URL": vhost,
            "TANDEM_MONGO_DATABASE": database.mongo.name,
            "TANDEM_PAGES_KEY": "k" * 32,
            "TANDEM_SMS_URL": gateway.url,
            "TANDEM_SMS_FROM": "Tandem",
            "TANDEM_PUSH_KEY_FILE": str(tmp_path / "push.pem"),
            "TANDEM_PUSH_PUBLIC_KEY": public_key,
            "TANDEM_PUSH_HOSTS": "127.0.0.1",
        }
        declare("notify", variables)
        world = World(database, SystemClock(), SystemClock())
        yield Installation(world, gateway, service, variables)


def test_from_the_registration_to_the_message(
    here: Installation, issuer: Issuer, tmp_path: Path
) -> None:
    """A learner registers a browser with the key that the api tells, and a number, confirms it by
    the code that the worker sends, chooses both channels, and gets a message on each; SIGTERM ends
    the worker cleanly.
    """
    here.world.people("ada")
    browser = Browser(here.service)
    token = tmp_path / "token"
    token.write_text(issuer.token("ada", ["learner"]))
    api = RoleProcess(["-m", "services.notify", "api"], here.environment)
    try:
        with role("notify", "worker", here.environment) as worker:
            where = Where(tmp_path, f"127.0.0.1:{api.listening()['port']}", False, token)
            with channel_to("notify", where, "learner") as channel:
                stub = notify_pb2_grpc.NotifyServiceStub(channel)
                told = stub.ListDevices(notify_pb2.ListDevicesRequest(person_id="ada"))
                assert told.push_public_key == here.service.public_key
                push = resources_pb2.PushEndpoint(**browser.subscription)
                stub.RegisterDevice(notify_pb2.RegisterDeviceRequest(person_id="ada", push=push))
                device = stub.RegisterDevice(
                    notify_pb2.RegisterDeviceRequest(person_id="ada", phone_number=NUMBER)
                )
                eventually(here.gateway.sent)
                code = here.gateway.sent()[0][1][:6]
                stub.ConfirmDevice(
                    notify_pb2.ConfirmDeviceRequest(person_id="ada", device_id=device.id, code=code)
                )
            choose_and_assign(here.world, "ada")
            eventually(lambda: len(here.world.deliveries(state=DeliveryState.DELIVERED)) == 2)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(120) == 0
    finally:
        stopped = api.stop()
    assert stopped == 0
    assert [number for number, _ in here.gateway.sent()] == [NUMBER, NUMBER]
    assert [each["title"] for each in browser.messages()] == [here.gateway.sent()[1][1]]


def choose_and_assign(world: World, *people: str) -> None:
    """These people chose both channels, and have a message on each."""
    for each in people:
        world.choose(each, CategoryPreference(Category.CATCH_UP, BOTH))
    world.hear("notify.triggers", *(world.event(world.assigned(each)) for each in people))


@only_deep
def test_a_worker_killed_while_it_sends(here: Installation) -> None:
    """No telephone gets a message twice; each message was sent, or is recorded as unknown; of these
    there are not more than the slots hold.
    """
    people = [f"p{number:03d}" for number in range(200)]
    here.world.people(*people)
    for number, each in enumerate(people):
        here.world.telephone(each, f"+353850000{number:03d}")
        here.world.browser(each, Browser(here.service, each).subscription)
    choose_and_assign(here.world, *people)
    with role("notify", "worker", here.environment) as worker:
        eventually(lambda: len(here.gateway.requests) > 10 and len(here.service.requests) > 10)
        worker.kill()
        worker.wait()
    end_transactions(here.world.database.client, "notify")
    end_leases(here.world.database.mongo)
    with role("notify", "worker", here.environment):
        eventually(lambda: not here.world.rows("deliveries", {"state": "QUEUED"}))
    numbers = [number for number, _ in here.gateway.sent()]
    assert len(numbers) == len(set(numbers))
    lost = here.world.deliveries(state=DeliveryState.FAILED)
    assert {each.error for each in lost} <= {UNKNOWN}
    assert len(lost) <= 2 + 10 + 2 + 3 * 10  # a batch for each slot
    delivered = here.world.deliveries(state=DeliveryState.DELIVERED)
    assert len(delivered) + len(lost) == 400
