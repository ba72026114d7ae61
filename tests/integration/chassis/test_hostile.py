"""Whatever stands in a message, consumers go on; it is one dead letter at most.

A few hundred messages; in `make test-deep` twenty thousand.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import pika
import pytest
from click.testing import CliRunner
from pika.exceptions import AMQPError

from campus.cli import cli
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging import amqp_pika, deadletters, history, topology
from tests.deep import DEEP, only_deep
from tests.integration.chassis.bus import TYPE, Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE
from tests.integration.chassis.test_worker_dispositions import started
from tests.management import manage
from tests.strangers import (
    MILLISECONDS,
    Stranger,
    array,
    good_headers,
    nested,
    number,
    properties,
    table,
    text,
    timestamp,
)

COUNT = 20_000 if DEEP else 300
DEAD, DELAY = topology.dead(QUEUE), "tandem.delay.1s"
PART = 100
Sent = tuple[Any, bytes]


def publish(
    bus: Bus, *sent: Sent, exchange: str = topology.EXCHANGE, key: Any = TYPE
) -> list[bytes]:
    """Publish to an exchange; answers the bodies of those that the broker took."""
    left, took = list(sent), []
    while left:
        with channel_of(bus.amqp_url) as channel:
            channel.confirm_delivery()
            try:
                while left:
                    given, body = left.pop(0)
                    channel.basic_publish(exchange, key, body, given)
                    took.append(body)
            except AMQPError:
                continue  # the broker closes the channel on what it can't take itself
    return took


def good(name: str) -> Sent:
    """An event as a relay publishes it."""
    event = an_event(name)
    headers = events.headers_of(event)
    return pika.BasicProperties(delivery_mode=2, headers=headers), events.body_of(event.data)


def broken(*fields: Any, **given: Any) -> Sent:
    """An event without a time, so that it can't be applied, with more headers."""
    event = an_event("stranger")
    headers = [row for row in good_headers(event) if row[0] != "cloudEvents_time"]
    return properties([*headers, *fields], delivery_mode=2, **given), events.body_of(event.data)


def connections(bus: Bus) -> set[str]:
    """The names of the connections to the virtual host, by the management API."""
    vhost = quote(urlsplit(bus.amqp_url).path[1:], safe="")
    found = manage(os.environ, "GET", f"vhosts/{vhost}/connections")
    return {row["name"] for row in found}


def letters(bus: Bus, queue: str) -> list[tuple[dict[str, Any], bytes]]:
    """Headers and bodies of the messages in a queue, taken off."""
    amqp_pika.parameters(bus.amqp_url)
    return [(given.headers, body) for _, given, body in bus.messages(queue, 1)]


def tandem(bus: Bus, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Return the output of the command."""
    monkeypatch.setenv("TANDEM_AMQP_URL", bus.amqp_url)
    done = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def is_safe(said: str) -> bool:
    """Whether a terminal shows it as it is."""
    return said.replace("\n", "").isprintable()


@only_deep
@pytest.mark.timeout(3600 if DEEP else 900)
def test_strangers_of_all_kinds_harm_nobody(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good events are applied once; each other one has one effect, or one dead letter.

    The worker keeps its connections, and the tools show all.
    """
    bus.declare()
    took, names, in_history = list[bytes](), dict[bytes, str](), 0
    with started("bus_service", bus, ONE_TRY="1") as (worker, _):
        before = eventually("the worker's connections", lambda: connections(bus))
        for part in range(COUNT // PART):
            sent = _part(part)
            names |= {body: name for name, (_, body) in sent.items()}
            # By the exchange every second part only: its history takes no decimals, and the broker
            # then closes the connection though the queue has the message.
            direct = {"exchange": "", "key": QUEUE} if part % 2 else {}
            took += (new := publish(bus, *sent.values(), **direct))
            in_history += 0 if part % 2 else len(new)
        eventually("all are done", lambda: _are_done(bus, len(took)))
        assert before <= connections(bus)
        assert not worker.logged("the broker is away")
        assert worker.stop() == 0
    assert not bus.count(QUEUE) + bus.count(DELAY)
    _check_tools(bus, monkeypatch, in_history)
    _check_outcome(bus, took, names)


def _are_done(bus: Bus, count: int) -> bool:
    """Whether this many messages had an outcome, and none is to be tried (again)."""
    left = bus.count(QUEUE) + bus.count(DELAY)
    return not left and len(bus.effects()) + bus.count(DEAD) >= count


def _part(number: int) -> dict[str, Sent]:
    """A good event and some of a stranger's, by their names."""
    stranger = Stranger(number, an_event, f"stranger-{number}")
    stranger.decimals = number % 2 == 1
    made = {f"stranger-{number}-{place}": stranger.message() for place in range(1, PART + 1)}
    return {f"good-{number}": good(f"good-{number}"), **made}


def _check_tools(bus: Bus, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The tools show each message without control characters, and send messages back."""
    tail = ("events", "tail", "--since", "1d", "--no-follow")
    output = tandem(bus, monkeypatch, *tail, "--json")
    offsets = [json.loads(line)["offset"] for line in output.splitlines()]
    assert offsets == list(range(count))
    assert is_safe(output)
    assert is_safe(tandem(bus, monkeypatch, *tail))
    dead = bus.count(DEAD)
    assert is_safe(tandem(bus, monkeypatch, "dead-letters", "show", QUEUE, "--limit", "1000"))
    assert len(deadletters.show(bus.amqp_url, QUEUE, dead)) == dead
    assert deadletters.replay(bus.amqp_url, QUEUE) == dead
    assert bus.count(QUEUE) == dead


def _check_outcome(bus: Bus, took: Sequence[bytes], names: Mapping[bytes, str]) -> None:
    """Checked with the messages that were sent back from the dead letters."""
    effects, dead = bus.effects(), Counter(body for _, body in letters(bus, QUEUE))
    assert set(effects.values()) == set(dead.values()) == {1}
    assert all((names[body] in effects) + dead[body] <= 1 for body in names)
    assert all((names[body] in effects) + dead[body] == 1 for body in took)
    assert {name for name in names.values() if name.startswith("good")} <= effects.keys()


HUGE = array([number("b", ">b", 1)] * 60_000)
NASTY = {
    "milliseconds": broken(("x", timestamp(MILLISECONDS))),
    "the last timestamp": broken(("x", timestamp(2**64 - 1)), timestamp=2**64 - 1),
    "names of any bytes": broken((b"\xff" * 255, text("x")), (b"\x00\x1b[2J", text("x"))),
    "deep": broken(("x", nested(10_000)), ("y", nested(8_000, "F"))),
    "more than a frame when written by us": broken(("x", HUGE)),
    "compressed": broken(("compression", text("application/x-gzip"))),
    "compressed by nothing": broken(("compression", table([]))),
    "to other queues": broken(("CC", array([text(QUEUE), text(DEAD), text(f"{QUEUE}.no")]))),
    "dead before": broken(("x-death", text("no")), ("x-delivery-count", text("many"))),
    "dead in no way": broken(("x-death", array([text("no")]))),
    "given up by a stranger": broken(
        ("x-tandem-attempts", timestamp(2**63)), ("x-tandem-died-at", HUGE)
    ),
    "a user": broken(user_id=b"guest"),
    "expires in a day": broken(expiration=b"86400000"),
    "answers wanted": broken(reply_to=b"amq.rabbitmq.reply-to.x"),
    "any properties": broken(
        **dict.fromkeys(("message_id", "type", "app_id", "correlation_id"), b"\xff" * 255),
        content_type=b"application/x-python-serialize",
        content_encoding=b"\xff",
        priority=255,
    ),
    "structured": (pika.BasicProperties(content_type="application/cloudevents+json"), b"{}"),
}


def test_each_is_one_dead_letter_with_its_body(bus: Bus) -> None:
    """It has those of its headers that it may have; it can be sent back, and dies again. Nobody
    else gets it, and the good events around it are applied.
    """
    bus.declare()
    goods = [f"good-{number}" for number in range(len(NASTY))]
    sent = [each for pair in zip(map(good, goods), NASTY.values(), strict=True) for each in pair]
    with bus.running("worker"):
        assert len(publish(bus, *sent)) == 2 * len(NASTY)
        eventually("the dead letters", lambda: bus.count(DEAD) == len(NASTY))
        assert deadletters.replay(bus.amqp_url, QUEUE) == len(NASTY)
        eventually("the dead letters again", lambda: bus.count(DEAD) == len(NASTY))
        eventually("the others", lambda: bus.effects() == dict.fromkeys(goods, 1))
    assert len(deadletters.show(bus.amqp_url, QUEUE)) == len(NASTY)
    found = letters(bus, DEAD)
    assert sorted(body for _, body in found) == sorted(body for _, body in NASTY.values())
    for headers, _ in found:
        assert headers["x-tandem-queue"] == QUEUE
        assert headers["x-tandem-reason"].startswith("no CloudEvent")
    assert sum(headers.get("cloudEvents_subject") == "stranger" for headers, _ in found) == (
        len(NASTY) - 1
    )


def test_a_routing_key_of_any_bytes_ends_no_connection(bus: Bus) -> None:
    """By `CC` a message reaches a queue with a routing key that is no text."""
    bus.declare()
    with bus.running("worker"):
        cc = ("CC", array([text(TYPE)]))
        publish(bus, good("before"), broken(cc), key=b"\xff\xfe")
        eventually("the dead letter", lambda: bus.count(DEAD) == 1)
        publish(bus, good("after"))
        eventually("the effect", lambda: bus.effects() == {"after": 1})
    [(headers, _)] = letters(bus, DEAD)
    assert headers["x-tandem-lost-headers"] == "CC"


def test_the_history_is_read_whatever_stands_in_it(bus: Bus) -> None:
    """Each message has its place, what a stranger writes there is not believed."""
    bus.declare()
    fakes = [("x-stream-offset", text("no")), ("x-stream-offset", number("l", ">q", 10**12))]
    publish(bus, broken(*fakes), broken(*fakes[:1]), *NASTY.values(), good("last"), key=b"\xff.a")
    found = list(history.read(bus.amqp_url, "first"))
    assert [offset for offset, _ in found] == list(range(len(NASTY) + 3))
    assert [event.subject for _, event in found if isinstance(event, Event)] == ["last"]
