"""Devices through the real edge: who may register what, and how a number is confirmed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, resources_pb2

from chassis.edge.methods import Servicer
from chassis.jobs.runner import Runner
from chassis.testing import ChannelFor, running
from services.notify import api, sender_short
from services.notify.carriers import OFF
from services.notify.domain.bounces import address_hash
from services.notify.domain.devices import (
    CODES_OF_PERSON,
    CODES_TO_NUMBER,
    MOST_BROWSERS,
    Codes,
    PushHosts,
)
from services.notify.sms import Twilio
from services.notify.usecases.devices import Offered
from tests.integration.notify.phones import Browser, Gateway, Server, error, listening
from tests.integration.notify.world import TEXTS, World

CODES = Codes("a key of thirty-two characters..")
OFFERED = Offered("key", PushHosts(("127.0.0.1",)), CODES, ("+353", "+44"))
NUMBER = "+353851234567"
ELSEWHERE = Server("http://127.0.0.1:1")


@pytest.fixture
def channel_for(world: World) -> Iterator[ChannelFor]:
    """Channels to an api where both kinds of device can be registered."""
    servicer = Servicer(
        api.NotifyApi(world.database, TEXTS, offered=OFFERED),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    with running([servicer], world.database) as channels:
        yield channels


@pytest.fixture
def ada(world: World, channel_for: ChannelFor) -> Any:
    """The API as ada, a learner, sees it."""
    world.people("ada")
    return notify_pb2_grpc.NotifyServiceStub(channel_for("ada", "learner"))


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway of text messages."""
    made = Gateway()
    with listening(made):
        yield made


def register(stub: Any, person: str = "ada", **more: Any) -> Any:
    """Register a device."""
    return stub.RegisterDevice(notify_pb2.RegisterDeviceRequest(person_id=person, **more))


def listed(stub: Any, person: str = "ada") -> Any:
    """A person's devices."""
    return stub.ListDevices(notify_pb2.ListDevicesRequest(person_id=person))


def confirm(stub: Any, device: Any, code: str) -> Any:
    """Confirm a number."""
    request = notify_pb2.ConfirmDeviceRequest(person_id="ada", device_id=device.id, code=code)
    return stub.ConfirmDevice(request)


def refused(call: Any, *args: Any, **more: Any) -> tuple[grpc.StatusCode, str]:
    """With what a call is refused."""
    with pytest.raises(grpc.RpcError) as raised:
        call(*args, **more)
    error: Any = raised.value
    return error.code(), error.details()


def send_codes(world: World, gateway: Gateway) -> None:
    """Let a worker send the codes that are due."""
    gateways, rate = partial(Twilio, gateway.url, "Tandem"), OFF.gateway_rate(world.system)
    jobs = sender_short.codes(TEXTS, gateways, CODES, rate)
    Runner(world.database, jobs, world.system).run_due()


def test_a_browser_belongs_to_who_registered_it_last(ada: Any, channel_for: Any) -> None:
    """A repeat is the same device; on a shared computer the next person takes it over; only its
    owner sees and removes it.
    """
    push = resources_pb2.PushEndpoint(**Browser(ELSEWHERE).subscription)
    first = register(ada, push=push, label="Laptop")
    assert (first.channel, first.hint) == (resources_pb2.CHANNEL_PUSH, "127.0.0.1")
    assert register(ada, push=push, label="Old laptop").id == first.id
    found = listed(ada)
    assert [each.label for each in found.devices] == ["Old laptop"]
    assert (found.push_public_key, found.takes_numbers) == ("key", True)

    bob = notify_pb2_grpc.NotifyServiceStub(channel_for("bob", "learner"))
    remove = notify_pb2.RemoveDeviceRequest(person_id="bob", device_id=first.id)
    assert refused(bob.RemoveDevice, remove)[0] is grpc.StatusCode.NOT_FOUND
    assert refused(register, bob, "ada", push=push)[0] is grpc.StatusCode.PERMISSION_DENIED
    assert refused(listed, bob)[0] is grpc.StatusCode.PERMISSION_DENIED
    assert register(bob, "bob", push=push).id == first.id
    assert not listed(ada).devices
    bob.RemoveDevice(remove)
    assert not listed(bob, "bob").devices
    assert "127.0.0.1:1" not in str(found)


def test_a_hostile_registration_lists_all_its_faults(ada: Any, world: World) -> None:
    """An endpoint inside of the network, a key that is no point and a short secret: three faults,
    and nothing is stored.
    """
    push = resources_pb2.PushEndpoint(
        endpoint="https://169.254.169.254/latest", p256dh="BAAA", auth="AAAA"
    )
    code, told = refused(register, ada, push=push)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert all(name in told for name in ("push.endpoint", "push.p256dh", "push.auth"))
    code, told = refused(register, ada, phone_number="+12025550123")
    assert (code, "+353, +44" in told) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    for number in ("0851234567", "+353 85 1234567", "+0" + "1" * 9, "+3538512345678901"):
        code, _ = refused(register, ada, phone_number=number)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(register, ada)[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert world.rows("devices", {}) == []


def test_browsers_are_limited(ada: Any) -> None:
    """However many register at once, a person has at most as many browsers as there may be; one
    that is known can be registered again.
    """
    browsers = [Browser(ELSEWHERE, f"b{number}").subscription for number in range(25)]

    def attempt(subscription: dict[str, str]) -> grpc.StatusCode:
        try:
            register(ada, push=resources_pb2.PushEndpoint(**subscription))
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(attempt, browsers))
    assert found.count(grpc.StatusCode.OK) == MOST_BROWSERS
    assert {*found} == {grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION}
    assert attempt(browsers[found.index(grpc.StatusCode.OK)]) is grpc.StatusCode.OK
    assert len(listed(ada).devices) == MOST_BROWSERS
    first = ada.ListDevices(notify_pb2.ListDevicesRequest(person_id="ada", page_size=15))
    rest = ada.ListDevices(
        notify_pb2.ListDevicesRequest(person_id="ada", page_token=first.next_page_token)
    )
    assert (len(first.devices), len(rest.devices), rest.next_page_token) == (15, 5, "")
    assert len({each.id for each in (*first.devices, *rest.devices)}) == MOST_BROWSERS


def test_a_number_is_confirmed_by_its_code(ada: Any, world: World, gateway: Gateway) -> None:
    """The code goes to the number, in its person's language, and is stored nowhere; the right one
    confirms; another number takes the place of the first when it is confirmed.
    """
    world.people("ada", language="de")
    device = register(ada, phone_number=NUMBER)
    assert not device.HasField("confirmed_at")
    send_codes(world, gateway)
    send_codes(world, gateway)  # there is no more
    ((number, text),) = gateway.sent()
    code = text[:6]
    assert (number, text[6:24]) == (NUMBER, " ist Ihr Code für ")
    assert code not in str(world.rows("devices", {}))

    wrong = "000000" if code != "000000" else "111111"
    assert refused(confirm, ada, device, wrong) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "the code is wrong",
    )
    assert world.rows("devices", {})[0]["tries"] == 1
    assert confirm(ada, device, code).HasField("confirmed_at")
    assert refused(confirm, ada, device, code)[0] is grpc.StatusCode.FAILED_PRECONDITION

    other = register(ada, phone_number="+447911123456")
    assert len(listed(ada).devices) == 2
    send_codes(world, gateway)
    confirm(ada, other, gateway.sent()[1][1][:6])
    assert [each.hint for each in listed(ada).devices] == ["…56"]


def test_codes_are_limited(ada: Any, world: World, gateway: Gateway, channel_for: Any) -> None:
    """Neither a person nor a number gets more codes in a day than there may be, whoever asks, and
    also if devices are removed; a day later there may be more.
    """
    for _ in range(CODES_TO_NUMBER):
        device = register(ada, phone_number=NUMBER)
        ada.RemoveDevice(notify_pb2.RemoveDeviceRequest(person_id="ada", device_id=device.id))
    bob = notify_pb2_grpc.NotifyServiceStub(channel_for("bob", "learner"))
    for stub, person in ((ada, "ada"), (bob, "bob")):
        code, told = refused(register, stub, person, phone_number=NUMBER)
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "too many codes" in told
    for number in range(CODES_OF_PERSON - CODES_TO_NUMBER):
        register(ada, phone_number=f"+35385123450{number}")
    code, _ = refused(register, ada, phone_number="+353851234509")
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    # Only the last is awaited: each replaces one that was not confirmed.
    assert len(listed(ada).devices) == 1
    send_codes(world, gateway)
    assert len(gateway.sent()) == 1
    world.clock.forward(days=1)
    register(bob, "bob", phone_number=NUMBER)


def test_a_code_whose_gateway_is_away_or_refuses(ada: Any, world: World, gateway: Gateway) -> None:
    """It is sent when the gateway is back; what the gateway refuses is not tried again, and neither
    is a code that has expired meanwhile.
    """
    register(ada, phone_number=NUMBER)
    gateway.answers = [error(503, 20503), error(400, 21211)]
    send_codes(world, gateway)
    assert len(gateway.requests) == 1
    world.system.at += timedelta(minutes=2)
    send_codes(world, gateway)
    world.system.at += timedelta(minutes=2)
    send_codes(world, gateway)
    assert len(gateway.requests) == 2

    register(ada, phone_number=NUMBER)
    world.clock.forward(minutes=11)
    send_codes(world, gateway)
    assert len(gateway.requests) == 2
    assert world.rows("devices", {"job": {"$exists": True}}) == []


def test_who_confirms_again_gets_messages_again(ada: Any, world: World, gateway: Gateway) -> None:
    """A number that took no messages takes them when its person confirms it once more."""
    mongo = world.database.mongo["suppressions"]
    row = {"person_id": "ada", "delivery_id": "d", "code": "21610", "since": world.clock.now()}
    mongo.insert_one({"_id": address_hash(NUMBER), **row})
    device = register(ada, phone_number=NUMBER)
    assert listed(ada).devices[0].HasField("returned_at")
    send_codes(world, gateway)
    confirm(ada, device, gateway.sent()[0][1][:6])
    assert not listed(ada).devices[0].HasField("returned_at")


def test_where_both_are_off(world: World) -> None:
    """An api without the settings registers nothing, says so, and lists nothing."""
    servicer = Servicer(
        api.NotifyApi(world.database, TEXTS),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    with running([servicer], world.database) as channels:
        ada = notify_pb2_grpc.NotifyServiceStub(channels("ada", "learner"))
        code, told = refused(register, ada, phone_number=NUMBER)
        assert (code, "TANDEM_SMS_FROM" in told) == (grpc.StatusCode.FAILED_PRECONDITION, True)
        device = resources_pb2.Device(id="x")
        assert refused(confirm, ada, device, "123456")[0] is grpc.StatusCode.FAILED_PRECONDITION
        push = resources_pb2.PushEndpoint(**Browser(ELSEWHERE).subscription)
        code, told = refused(register, ada, push=push)
        assert (code, "TANDEM_PUSH" in told) == (grpc.StatusCode.FAILED_PRECONDITION, True)
        assert listed(ada) == notify_pb2.ListDevicesResponse()
