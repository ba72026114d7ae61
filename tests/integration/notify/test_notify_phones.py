"""Text messages and notifications: sent by the rules of mail, as their servers' protocols say."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.jobs.runner import Runner
from chassis.testing import figure
from services.notify import sender_short
from services.notify.carriers import OFF
from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.messages import NO_DEVICE, SUPPRESSED, UNKNOWN, UNWANTED
from services.notify.domain.schedule import QuietHours
from tests.integration.notify.digests import MONDAY
from tests.integration.notify.phones import (
    HANG_UP,
    error,
)
from tests.integration.notify.telephones import NUMBER, Phones
from tests.integration.notify.world import HOUR, TEXTS, World

BOTH = (Channel.IN_APP, Channel.SMS, Channel.PUSH)
DELIVERED, FAILED, QUEUED = DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.QUEUED


def test_one_message_on_each_channel_that_was_chosen(world: World, phones: Phones) -> None:
    """Who chose nothing, or has no device, gets neither; who did, gets one of each for an event,
    however often the event comes; the log and the events tell it.
    """
    world.people("ada", "bob", "eve", language="de")
    phones.telephone("ada")
    phones.telephone("bob")
    reader, other = phones.browser("ada"), phones.browser("bob", "two")
    phones.choose("ada", *BOTH)
    phones.choose("eve", *BOTH)
    event = world.event(world.assigned("ada", "Wellen"))
    for _ in range(3):
        world.hear("notify.triggers", event)
    world.tell(world.assigned("bob"), world.assigned("eve"))
    taken = figure("tandem_notify_sms_total", outcome="accepted")
    for _ in range(2):
        phones.send()
    ((number, text),) = phones.gateway.sent()
    assert number == NUMBER
    assert "Wellen" in text
    (message,) = world.rows("messages", {"person_id": "ada"})
    (shown,) = reader.messages()
    assert shown["message_id"] == message["_id"]
    assert (shown["title"], shown["category"], shown["urgent"]) == (text, "CATCH_UP", False)
    assert shown["line"]
    assert other.messages() == []
    assert {each.channel for each in world.deliveries(person_id="ada")} == {*BOTH}
    assert {each.state for each in world.deliveries(person_id="ada")} == {DELIVERED}
    assert [each.channel for each in world.deliveries(person_id="eve")] == [Channel.IN_APP]
    assert Channel.SMS not in {each.channel for each in world.deliveries(person_id="bob")}
    rows = world.rows("outbox", {"type": "tandem.notify.message.delivered.v1"})
    assert len(rows) == 3 + 1 + 1  # ada's three; bob's and eve's inbox
    assert figure("tandem_notify_sms_total", outcome="accepted") == taken + 1


def test_urgent_news_pass_and_others_wait(world: World, phones: Phones) -> None:
    """In quiet hours what is urgent is sent, first, and other messages when they end; both in their
    own lanes, in turn with other runs.
    """
    world.clock.at = MONDAY
    world.people("ada", "grace")
    world.run("ada")
    phones.telephone("ada")
    reader = phones.browser("ada")
    phones.choose("ada", Channel.SMS, Channel.PUSH)
    world.choose("ada", quiet_hours=QuietHours("00:00", "23:59"))
    assigned: Any = world.assigned("ada")
    assigned.run_id = "r1"
    world.tell(assigned)
    world.schedule(48 * HOUR)
    world.tell(world.cancelled(48 * HOUR))
    world.broadcast()
    phones.send()
    ((_, text),) = phones.gateway.sent()
    assert "Cancelled" in text
    (told,) = reader.messages()
    assert told["urgent"]
    waiting = world.deliveries(state=DeliveryState.WAITING)
    assert {each.channel for each in waiting} == {Channel.SMS, Channel.PUSH}
    world.clock.at = MONDAY.replace(hour=22, minute=59)  # 23:59 in Dublin
    world.release()
    of_ada = {"state": QUEUED, "person_id": "ada"}
    queued = [each["job"] for each in world.rows("deliveries", of_ada)]
    assert {(each["lane"], each["owner"]) for each in queued} == {
        ("sms.bulk", "r1"),
        ("push.bulk", "r1"),
    }
    phones.send()
    assert len(phones.gateway.sent()) == len(reader.messages()) == 2
    headers = [each.headers for each in phones.service.requests]
    assert [each["urgency"] for each in headers] == ["high", "normal"]


def test_what_is_over_or_not_wanted_any_more_is_not_sent(world: World, phones: Phones) -> None:
    """What was turned off, overtaken, or has no device any more fails with that reason."""
    for person in ("off", "over", "gone"):
        world.people(person)
        phones.telephone(person)
        phones.choose(person, Channel.SMS)
        world.tell(world.assigned(person))
    phones.choose("off", Channel.EMAIL)
    world.tell(world.changed("over"))
    world.database.transact(
        lambda store: store.remove_devices([each.id for each in store.devices(["gone"])["gone"]])
    )
    phones.send()
    assert len(phones.gateway.sent()) == 1  # of the change
    reasons = {each.person_id: each.error for each in world.deliveries(state=FAILED)}
    assert (reasons["off"], reasons["gone"]) == (UNWANTED, NO_DEVICE)
    assert "newer news" in reasons["over"]


@pytest.fixture
def waiting(world: World, phones: Phones) -> Phones:
    """A message to ada waits on both channels."""
    world.people("ada")
    phones.telephone("ada")
    phones.choose("ada", Channel.SMS, Channel.PUSH)
    return phones


def assign(world: World) -> None:
    """A message is queued on ada's channels."""
    world.tell(world.assigned("ada"))


def test_who_answered_stop_gets_no_more(world: World, waiting: Phones) -> None:
    """The gateway's code for an opt-out suppresses the number; later messages are not sent; the log
    has the code, and not the number, which the gateway's words have.
    """
    assign(world)
    waiting.gateway.answers = [error(400, 21610)]
    waiting.send()
    failed = waiting.only(Channel.SMS)
    assert (failed.state, failed.error) == (FAILED, "the gateway answered 400 21610")
    (row,) = world.rows("suppressions", {})
    assert (row["person_id"], row["code"], row["_id"]) == ("ada", "21610", failed.sent_to)
    world.tell(world.changed("ada"))
    waiting.send()
    assert len(waiting.gateway.requests) == 1
    assert SUPPRESSED in {each.error for each in world.deliveries(channel=Channel.SMS)}


@pytest.mark.parametrize("answer", [error(429, 20429, retry_after="60"), error(503, 20503)])
def test_a_gateway_that_is_busy(world: World, waiting: Phones, answer: object) -> None:
    """All messages wait as long as the gateway asks, and are sent once."""
    assign(world)
    waiting.gateway.answers = [answer]  # type: ignore[list-item]
    waiting.send()
    assert waiting.only(Channel.SMS).state is QUEUED
    world.system.at += timedelta(minutes=2)
    waiting.send()
    assert waiting.only(Channel.SMS).state is DELIVERED
    assert len(waiting.gateway.requests) == 2


@pytest.mark.parametrize("answer", [(HANG_UP, {}, b""), (502, {}, b"<html>")])
def test_a_text_that_may_have_been_sent_is_not_sent_again(
    world: World, waiting: Phones, answer: object
) -> None:
    """If nobody knows whether the gateway took it, it has failed: it knows no repeats."""
    assign(world)
    waiting.gateway.answers = [answer]  # type: ignore[list-item]
    for _ in range(3):
        waiting.send()
        world.system.at += HOUR
    assert len(waiting.gateway.requests) == 1
    assert (waiting.only(Channel.SMS).state, waiting.only(Channel.SMS).error) == (FAILED, UNKNOWN)


def test_an_account_that_is_not_known_costs_no_tries(world: World, waiting: Phones) -> None:
    """Messages wait for the operator, also if the account is known and not active; the first that
    fails holds the others.
    """
    assign(world)
    waiting.gateway.answers = [error(401, 20003), error(403, 20003), error(403, 10001)]
    for _ in range(3):
        waiting.send()
        world.system.at += HOUR
    assert (waiting.only(Channel.SMS).state, waiting.only(Channel.SMS).attempts) == (QUEUED, 0)
    waiting.send()
    assert waiting.only(Channel.SMS).state is DELIVERED


def test_browsers_that_are_gone_and_others(world: World, waiting: Phones) -> None:
    """One browser is enough; those that the push service does not know any more are removed, and a
    later message goes to those that are left.
    """
    readers = [waiting.browser("ada", name) for name in ("a", "b", "c")]
    assign(world)
    waiting.service.answers = [(410, {}, b""), (404, {}, b"")]
    waiting.send()
    assert waiting.only(Channel.PUSH).state is DELIVERED
    assert len(world.rows("devices", {"channel": "PUSH"})) == 1
    world.tell(world.changed("ada"))
    waiting.send()
    assert sorted(len(each.messages()) for each in readers) == [1, 1, 2]
    topics = [each.headers["topic"] for each in waiting.service.requests]
    assert len(set(topics)) == 1  # news of one catch-up


@pytest.mark.parametrize("status", [429, HANG_UP])
def test_a_push_service_that_is_busy(world: World, waiting: Phones, status: int) -> None:
    """It is tried again after the pause for which it asks; others' notifications don't wait."""
    reader = waiting.browser("ada")
    assign(world)
    waiting.service.answers = [(status, {"retry_after": "300"}, b"")]
    waiting.send()
    world.system.at += timedelta(minutes=1)
    waiting.send()
    assert waiting.only(Channel.PUSH).state is (DELIVERED if status == HANG_UP else QUEUED)
    world.system.at += timedelta(minutes=10)
    waiting.send()
    assert waiting.only(Channel.PUSH).state is DELIVERED
    assert len(reader.messages()) == 2


@pytest.mark.parametrize("status", [307, 403, 413])
def test_a_push_service_that_refuses(world: World, waiting: Phones, status: int) -> None:
    """The message has failed, once; no redirect is followed; the browser stays."""
    waiting.browser("ada")
    assign(world)
    elsewhere = {"location": f"{waiting.gateway.origin}/stolen"}
    waiting.service.answers = [(status, elsewhere, b"")]
    for _ in range(2):
        waiting.send()
        world.system.at += HOUR
    failed = waiting.only(Channel.PUSH)
    assert (failed.state, failed.error) == (FAILED, f"the push service answered {status}")
    assert all(each.path.startswith("/2010-04-01/") for each in waiting.gateway.requests)
    assert len(world.rows("devices", {"channel": "PUSH"})) == 1


def test_a_browser_whose_service_is_not_allowed_any_more(world: World, waiting: Phones) -> None:
    """The list of hosts counts when it is sent, too: nothing is called."""
    waiting.browser("ada")
    change = {"$set": {"push.endpoint": "https://169.254.169.254/latest"}}
    world.database.mongo["devices"].update_one({"channel": "PUSH"}, change)
    assign(world)
    waiting.send()
    assert waiting.only(Channel.PUSH).error == "its push service is not allowed here"


def test_many_go_over_few_connections(world: World, phones: Phones) -> None:
    """A run of the sender opens one connection to each server."""
    people = [f"p{number:02d}" for number in range(6)]
    world.people(*people)
    for each in people:
        phones.telephone(each)
        phones.browser(each, each)
        phones.choose(each, Channel.SMS, Channel.PUSH)
    world.hear("notify.triggers", *(world.event(world.assigned(each)) for each in people))
    phones.send()
    assert len(world.deliveries(state=DELIVERED)) == 12
    assert len(phones.gateway.requests) == len(phones.service.requests) == 6
    assert (phones.gateway.connections, phones.service.connections) == (1, 1)


def test_a_channel_that_was_turned_off_here(world: World, waiting: Phones) -> None:
    """What was chosen while the channel was on fails with the setting's name."""
    assign(world)
    rate = OFF.gateway_rate(world.system)
    jobs = sender_short.sms(TEXTS, OFF.gateways, world.system, rate)
    Runner(world.database, jobs, world.system).run_due()
    assert waiting.only(Channel.SMS).error == "not sent: TANDEM_SMS_URL is not set"
