"""Text messages and notifications keep the rates of a gateway and of each push service."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tandem.sessions.v1 import events_pb2 as sessions

from services.notify import rates
from services.notify.carriers import OFF
from services.notify.domain.devices import PushHosts
from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.preferences import CategoryPreference
from tests.integration.notify.phones import PushService, error, listening
from tests.integration.notify.script import Script, playing
from tests.integration.notify.telephones import Phones
from tests.integration.notify.test_notify_sending import server_at
from tests.integration.notify.test_notify_storms import cancel, classes
from tests.integration.notify.world import HOUR, World, names

RATE = 4
HALF = RATE // 2  # what all lanes but the urgent one may take of a burst
SECOND = timedelta(seconds=1)
LIMITED = replace(OFF, sms_rate=RATE, push_rate=RATE, hosts=PushHosts(("127.0.0.1", "localhost")))
PEOPLE = names(2 * RATE, "p")


@pytest.fixture
def limited(world: World, phones: Phones, monkeypatch: pytest.MonkeyPatch) -> Phones:
    """Phones and browsers of people, with rates; the clock stands, so no slot waits for it."""
    monkeypatch.setattr(rates, "PATIENCE", 0.0)
    phones.rates = LIMITED
    world.people(*PEOPLE)
    for each in PEOPLE:
        phones.telephone(each)
        phones.browser(each, each)
    return phones


def choose(world: World, *channels: Channel) -> None:
    """Everyone chooses these channels for classes and seats."""
    chosen = [CategoryPreference(each, channels) for each in (Category.SESSION, Category.SEAT)]
    for each in PEOPLE:
        world.choose(each, *chosen)


def offer(world: World, learner: str) -> None:
    """A learner is offered a seat."""
    offered = sessions.SeatOffered(session_id="s9", run_id="r1", learner_id=learner)
    offered.expires_at.FromDatetime(world.clock.now() + HOUR)
    offered.start_time.FromDatetime(world.clock.now() + 24 * HOUR)
    world.tell(offered)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.PUSH])
def test_a_closure_leaves_the_reserve_for_an_offer(
    world: World, limited: Phones, channel: Channel
) -> None:
    """A cancelled class takes half of a burst, an offer of a seat goes out at once, and the rest
    follows at the rate, without a try that counts.
    """
    server = limited.gateway if channel is Channel.SMS else limited.service
    choose(world, channel)
    cancel(world, *classes(world, 1, *PEOPLE))
    limited.send()
    assert len(server.requests) == HALF
    offer(world, PEOPLE[-1])
    limited.send()
    assert len(server.requests) == HALF + 1
    for _ in range(2 * RATE):
        world.system.at += SECOND / 2
        limited.send()
    every = world.deliveries(channel=channel, state=DeliveryState.DELIVERED)
    assert len(every) == len(server.requests) == len(PEOPLE) + 1
    assert {each.attempts for each in every} == {1}


def test_a_gateway_that_asks_for_a_pause_gets_nothing_meanwhile(
    world: World, limited: Phones
) -> None:
    """As long as Retry-After says, not even what is urgent is sent by any worker; then all is."""
    choose(world, Channel.SMS)
    for each in PEOPLE[:2]:
        offer(world, each)
    limited.gateway.answers = [error(429, 20429, retry_after="900")]
    for _ in range(5):
        limited.send()
        world.system.at += timedelta(minutes=2)
    assert len(limited.gateway.requests) == 1
    world.system.at += timedelta(minutes=10)
    limited.send()
    assert len(limited.gateway.requests) == 3


def test_a_push_service_that_asks_for_a_pause_delays_no_other(
    world: World, limited: Phones
) -> None:
    """Its own notifications wait, without a try that counts; those of another service go out."""
    other: Any = PushService(limited.service.public_key)
    with listening(other):
        other.origin = other.origin.replace("127.0.0.1", "localhost")
        limited.client._hosts = LIMITED.hosts
        service, limited.service = limited.service, other
        limited.browser("q", "q")
        limited.service = service
        world.people("q")
        choose(world, Channel.PUSH)
        world.choose("q", CategoryPreference(Category.SEAT, (Channel.PUSH,)))
        for each in (*PEOPLE[:2], "q"):
            offer(world, each)
        service.answers = [(429, {"retry_after": "300"}, b"")]
        limited.send()
        assert (len(service.requests), len(other.requests)) == (1, 1)
        world.system.at += timedelta(minutes=1)
        limited.send()
        assert len(service.requests) == 1
        world.system.at += timedelta(minutes=10)
        limited.send()
        assert len(service.requests) == 3
    delivered = world.deliveries(channel=Channel.PUSH, state=DeliveryState.DELIVERED)
    assert sorted(each.attempts for each in delivered) == [1, 1, 2]


def test_what_an_older_worker_queued_as_mail_is_sent_on_its_own_channel(
    world: World, limited: Phones
) -> None:
    """A text message that waits in a lane of mail is not mailed, but sent as what it is, once."""
    choose(world, Channel.SMS)
    offer(world, PEOPLE[0])
    rows = world.database.mongo["deliveries"]
    rows.update_many({"channel": "SMS"}, {"$set": {"job.lane": "bulk"}})
    with playing(Script()) as script:
        for _ in range(2):
            world.send(server_at(script.url))
            limited.send()
        assert script.texts == []
    assert len(limited.gateway.requests) == 1
    (sent,) = world.deliveries(channel=Channel.SMS)
    assert (sent.state, sent.attempts) == (DeliveryState.DELIVERED, 1)
