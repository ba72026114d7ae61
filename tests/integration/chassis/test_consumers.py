"""Accounts of other systems on a real broker: what they may, what they may not, and their end."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pika
import pytest
from click.testing import CliRunner, Result
from pika.exceptions import AMQPError

from campus.cli import cli
from campus.consumers import patterns
from campus.consumers.accounts import Names
from campus.consumers.errors import BrokerRefuses, Busy, UnknownConsumer
from campus.consumers.locks import locked
from campus.consumers.management import Management
from chassis.contracts.events import contracts
from chassis.messaging import deadletters, topology
from tests.conftest import virtual_host
from tests.integration.chassis.bus import TYPE, an_event, channel_of, eventually
from tests.integration.chassis.desk import LIMITS, TYPES, Desk, Killed, ended, refused


def test_a_consumer_reads_its_own_queues_and_may_nothing_else(desk: Desk) -> None:
    """It gets its types and takes dead letters off; the broker refuses it all else."""
    mine, other = desk.add(), desk.add(["tandem.sessions.#"])
    url = desk.url(mine)
    desk.bus.publish(an_event("e1"), an_event("e2"))
    with channel_of(url) as channel:
        method, properties, _ = next(channel.consume(mine.queue))
        assert properties.headers["cloudEvents_subject"] == "e1"
        channel.basic_reject(method.delivery_tag, requeue=False)
        channel.cancel()
        eventually("the dead letter", lambda: channel.basic_get(mine.dead, auto_ack=True)[0])
    assert desk.bus.count(other.queue) == 0
    for queue in (topology.HISTORY, other.queue, other.dead, mine.replay, "bus.withdrawals"):
        with refused(url) as channel:
            channel.basic_get(queue)
    for exchange, key in ((topology.EXCHANGE, TYPE), ("", other.queue), ("", topology.HISTORY)):
        with refused(url) as channel:
            channel.basic_publish(exchange, key, b"{}")
    for forbidden in FORBIDDEN:
        with refused(url) as channel:
            forbidden(channel, mine)


FORBIDDEN: list[Callable[[Any, Names], Any]] = [
    lambda channel, mine: channel.queue_declare("mine"),
    lambda channel, mine: channel.queue_declare(f"{mine.queue}.more"),
    lambda channel, mine: channel.exchange_declare(f"{mine.queue}.again", "direct"),
    lambda channel, mine: channel.queue_bind(mine.queue, topology.EXCHANGE, "#"),
    lambda channel, mine: channel.queue_unbind(mine.queue, topology.EXCHANGE, TYPES[0]),
    lambda channel, mine: channel.queue_delete(mine.queue),
    lambda channel, mine: channel.exchange_delete(topology.EXCHANGE),
]


def test_a_consumer_has_so_many_connections_and_channels(desk: Desk) -> None:
    """The broker refuses one more of each, and lets others in."""
    names = desk.add()
    parameters = pika.URLParameters(desk.url(names))
    opened = [pika.BlockingConnection(parameters) for _ in range(LIMITS.connections)]
    assert not desk.logs_in(names)
    channels = [opened[0].channel() for _ in range(LIMITS.channels)]
    with pytest.raises(AMQPError):
        opened[0].channel()
    assert len(channels) == LIMITS.channels
    for connection in opened[1:]:
        connection.close()


def test_a_consumer_that_is_away_drops_its_oldest_events_and_stops_nobody(desk: Desk) -> None:
    """Its queue and its dead letters are bounded; the publisher's events are confirmed."""
    names = desk.add()
    count, size = 30, 100_000
    with channel_of(desk.bus.amqp_url) as channel:
        channel.confirm_delivery()
        for number in range(count):
            headers = {"cloudEvents_subject": str(number)}
            properties = pika.BasicProperties(headers=headers, delivery_mode=2)
            channel.basic_publish(topology.EXCHANGE, TYPE, b"x" * size, properties)
    kept = desk.subjects(names.queue, 1)
    assert kept == [str(number) for number in range(count - len(kept), count)]
    assert len(kept) * size <= LIMITS.bytes
    eventually("few dead letters", lambda: desk.bus.count(names.dead) * size <= LIMITS.bytes / 10)


def test_what_ends_its_program_is_a_dead_letter_that_operators_send_back(desk: Desk) -> None:
    """After the limit of deliveries; the commands of dead letters know its queue."""
    names = desk.add()
    desk.bus.publish(an_event("poison"), an_event("good"))
    for _ in range(topology.DELIVERY_LIMIT + 1):
        with channel_of(desk.url(names)) as channel:
            channel.basic_qos(prefetch_count=1)
            next(channel.consume(names.queue))
    eventually("a dead letter", lambda: desk.bus.count(names.dead) == 1)
    [letter] = deadletters.show(desk.bus.amqp_url, names.queue)
    assert letter.type == TYPE
    assert deadletters.replay(desk.bus.amqp_url, names.queue) == 1
    assert sorted(desk.subjects(names.queue, 2)) == ["good", "poison"]


def test_who_is_revoked_is_out_at_once(desk: Desk) -> None:
    """A connection that reads ends, and no other begins; kept queues take events for later."""
    names = desk.add()
    with ended(desk.url(names)):
        desk.consumers.remove(names.name, keeps_queues=True)
    assert not desk.logs_in(names)
    assert not desk.consumers.show(names.name).account
    desk.bus.publish(an_event("meanwhile"))
    desk.passwords[names.name] = str(desk.consumers.add(names.name, TYPES, LIMITS))
    with channel_of(desk.url(names)) as channel:
        assert channel.basic_get(names.queue, auto_ack=True)[0]
    desk.consumers.remove(names.name, keeps_queues=False)
    assert desk.rest(names) == []
    with pytest.raises(UnknownConsumer):
        desk.consumers.remove(names.name, keeps_queues=False)


def test_a_rotated_password_ends_what_used_the_old_one(desk: Desk) -> None:
    """The new one lets it in; another consumer's stays."""
    names, other = desk.add(), desk.add()
    with ended(desk.url(names)):
        new = desk.consumers.rotate(names.name)
    assert not desk.logs_in(names)
    assert desk.logs_in(names, new)
    assert desk.logs_in(other)
    with pytest.raises(UnknownConsumer):
        desk.consumers.rotate(desk.name())


def test_an_add_that_is_killed_anywhere_is_repeated(desk: Desk) -> None:
    """Before it is done nobody gets in; the repeat finishes it, with a password."""
    calls = 0
    while True:
        names, desk.management.left = Names(desk.name()), calls
        try:
            desk.consumers.add(names.name, TYPES, LIMITS)
        except Killed:
            desk.management.left = 1_000_000
        else:
            break
        assert not (desk.management.get("users", names.user) or {}).get("password_hash")
        password = desk.consumers.add(names.name, TYPES, LIMITS)
        assert password
        assert desk.logs_in(names, password)
        shown = desk.consumers.show(names.name)
        assert (shown.types, shown.most_bytes) == (tuple(TYPES), LIMITS.bytes)
        calls += 1
    assert calls > 8


def test_a_removal_that_is_killed_anywhere_is_repeated(desk: Desk) -> None:
    """After its first change the consumer is out; the repeat leaves nothing."""
    calls = 0
    while True:
        names = desk.add()
        desk.management.left = calls
        try:
            desk.consumers.remove(names.name, keeps_queues=False)
        except Killed:
            desk.management.left = 1_000_000
            desk.consumers.remove(names.name, keeps_queues=False)
        else:
            break
        finally:
            desk.management.left = 1_000_000
        assert desk.rest(names) == []
        calls += 1
    assert desk.rest(names) == []
    assert calls > 5


def test_adds_at_once_give_one_password(desk: Desk) -> None:
    """Of one name only one add prints a password, and that one is right; others come through."""
    same, others = Names(desk.name()), [Names(desk.name()) for _ in range(3)]

    def add(names: Names) -> str | None:
        try:
            return desk.consumers.add(names.name, TYPES, LIMITS)
        except Busy:
            return None

    with ThreadPoolExecutor(9) as pool:
        *found, one, two, three = pool.map(add, [same] * 6 + others)
    [password] = [each for each in found if each]
    assert desk.logs_in(same, password)
    for names, given in zip(others, (one, two, three), strict=True):
        assert given
        assert desk.logs_in(names, given)


def test_another_add_replaces_types_and_keeps_the_password(desk: Desk) -> None:
    """What is no longer wanted is unbound; what waits stays."""
    names = desk.add(["tandem.catalog.enrolment.#", "tandem.sessions.#"])
    desk.bus.publish(an_event("e1"))
    assert desk.consumers.add(names.name, ["tandem.sessions.#"], LIMITS) is None
    desk.bus.publish(an_event("e2"))
    assert desk.logs_in(names)
    assert desk.consumers.patterns(names.name) == ["tandem.sessions.#"]
    assert desk.subjects(names.queue, 1) == ["e1"]


def test_a_name_of_another_virtual_host_is_refused(desk: Desk, stack: dict[str, str]) -> None:
    """A user is the whole broker's: it would read in both, and one would revoke the other's."""
    names = desk.add()
    with virtual_host(stack) as url:
        there = Desk(desk.bus, type(desk.management)(stack["TANDEM_AMQP_MANAGEMENT_URL"], url))
        refusal = pytest.raises(BrokerRefuses, match="use another name")
        with refusal:
            there.consumers.add(names.name, TYPES, LIMITS)
        with refusal:
            there.consumers.remove(names.name, keeps_queues=True)
        with refusal:
            there.consumers.rotate(names.name)
        assert there.consumers.names() == []
    assert desk.logs_in(names)


def test_a_command_waits_for_no_other(desk: Desk) -> None:
    """It says that another one is under way. Who is no administrator is told so."""
    names = desk.add()
    with locked(desk.bus.amqp_url, names.lock), pytest.raises(Busy):
        desk.consumers.rotate(names.name)
    url = desk.url(names)
    with pytest.raises(BrokerRefuses, match="use an administrator"):
        Management(desk.management._url, url).get("users")


def test_patterns_choose_as_the_broker_does(desk: Desk) -> None:
    """Of every type of the catalogue, by each pattern, so that a replay takes what live events
    do.
    """
    given = ["#", "tandem.*.*.*.v1", "tandem.catalog.#", "#.v1", "tandem.#.enrolment.#.v1", TYPE]
    given += ["*.sessions.#", "tandem.catalog.*.upserted.v1", "tandem.*.session.#", "#.#", "*"]
    with channel_of(desk.bus.amqp_url) as channel:
        queues = {each: channel.queue_declare("", exclusive=True).method.queue for each in given}
        for pattern, queue in queues.items():
            channel.queue_bind(queue, topology.EXCHANGE, pattern)
        for kind in contracts():
            channel.basic_publish(topology.EXCHANGE, kind, b"")
        for pattern, queue in queues.items():
            wanted = patterns.chosen([pattern], contracts())
            found = [channel.basic_get(queue, auto_ack=True)[0].routing_key for _ in wanted]
            assert Counter(found) == Counter(wanted), pattern
            assert channel.basic_get(queue)[0] is None, pattern


def tandem(desk: Desk, stack: Mapping[str, str], *words: str) -> Result:
    """What the command says."""
    environment = {**stack, "TANDEM_AMQP_URL": desk.bus.amqp_url}
    return CliRunner().invoke(cli, ["consumers", *words], env=environment)


def test_the_command_tells_all_faults_at_once(desk: Desk, stack: dict[str, str]) -> None:
    """Of the name and of each pattern; nothing is added then."""
    done = tandem(desk, stack, "add", "LTI", "--types", "tandem.x.#, oh no", "--types", "#")
    assert done.exit_code == 1
    for part in ("'LTI' is no name", "'tandem.x.#'", "'oh no' is no pattern"):
        assert part in done.output.replace("\n", " ")
    assert desk.consumers.names() == []
    assert tandem(desk, stack, "remove", "nobody", "--queues", "keep").exit_code == 1


def test_the_command_adds_lists_shows_and_revokes(desk: Desk, stack: dict[str, str]) -> None:
    """And names the personal data that the consumer will get."""
    name = desk.name()
    types = "tandem.catalog.person.#,tandem.catalog.run.#"
    added = json.loads(tandem(desk, stack, "add", name, "--types", types, "--json").output)
    assert added["personal_data"] == {
        "tandem.catalog.person.upserted.v1": ["email", "familyName", "givenName"]
    }
    assert desk.logs_in(Names(name), added["password"])
    [row] = json.loads(tandem(desk, stack, "list", "--json").output)
    assert (row["consumer"], row["account"]) == (name, "yes")
    shown = json.loads(tandem(desk, stack, "show", name, "--json").output)
    assert (shown["most_connections"], shown["replay"]) == (10, None)
    rotated = json.loads(tandem(desk, stack, "rotate", name, "--json").output)
    assert desk.logs_in(Names(name), rotated["password"])
    assert tandem(desk, stack, "remove", name, "--queues", "delete").exit_code == 0
    assert desk.rest(Names(name)) == []
