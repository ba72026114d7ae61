"""The declarations in a real broker, and their effects."""

from dataclasses import replace

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker
from tandem.catalog.v1.events_pb2 import PathPublished

from chassis.messaging import deadletters, partitions, topology
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE, subscription

DEAD = topology.dead(QUEUE)


def test_declaring_again_is_harmless(bus: Bus) -> None:
    """Existing queues and their messages stay."""
    bus.declare()
    bus.send(an_event("e"))
    bus.declare()
    assert eventually("the message", lambda: bus.count() == 1)


def test_something_else_by_our_name_is_an_error(bus: Bus) -> None:
    """A queue of another kind is not taken for ours."""
    with channel_of(bus.amqp_url) as channel:
        channel.queue_declare(QUEUE, durable=True)
    with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
        bus.declare()


def test_events_reach_the_queues_that_want_them_and_the_history(bus: Bus) -> None:
    """A queue gets the types it is bound to, the history gets all."""
    bus.declare()
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for kind in (*subscription().routing_keys, "tandem.no.one.wants.v1"):
            channel.basic_publish(topology.EXCHANGE, kind, b"{}", mandatory=True)
    assert eventually("the wanted one", lambda: bus.count() == 1)


def test_a_delay_sends_back_to_the_queue_it_came_from(bus: Bus) -> None:
    """A message in a delay queue returns unchanged to the queue that it is for."""
    bus.declare()
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        properties = pika.BasicProperties(headers={"mine": "kept"}, delivery_mode=2)
        channel.basic_publish("tandem.delay.1s", QUEUE, b"body", properties, mandatory=True)
    [(_, properties, body)] = bus.messages(QUEUE, 1)
    assert (body, properties.headers["mine"]) == (b"body", "kept")
    [death] = properties.headers["x-death"]
    assert (death["queue"], death["reason"]) == ("tandem.delay.1s", "expired")


def test_what_brings_its_worker_down_again_and_again_is_a_dead_letter(bus: Bus) -> None:
    """After its deliveries the broker gives a message up; the letter says so, and can be replayed.

    Replayed, it can wait in a delay again: nothing of the first death clings to it.
    """
    bus.declare()
    event = an_event("e")
    bus.send(event)
    with channel_of(bus.amqp_url) as channel:
        for _ in range(topology.DELIVERY_LIMIT + 1):
            method = eventually("the message", lambda: channel.basic_get(QUEUE)[0])
            channel.basic_nack(method.delivery_tag, requeue=True)
    eventually("the dead letter", lambda: bus.count(DEAD) == 1)
    [letter] = deadletters.show(bus.amqp_url, QUEUE)
    assert (letter.id, letter.reason) == (event.id, "given up by the broker: delivery_limit")
    assert letter.died_at
    assert deadletters.replay(bus.amqp_url, QUEUE) == 1
    [(_, properties, body)] = bus.messages(QUEUE, 1)
    assert not any(key.startswith("x-") for key in properties.headers)
    with channel_of(bus.amqp_url) as channel:
        channel.basic_publish("tandem.delay.1s", QUEUE, body, properties)
    assert bus.messages(QUEUE, 1)


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_type_that_moved_goes_to_its_new_queue_only(bus: Bus, partitioned: bool) -> None:
    """The old queue keeps what it has, and gets no more; twice declared is once declared."""
    before = replace(subscription(), partitioned=partitioned)
    old = partitions.queues(before, 1)[-1]
    topology.declare(bus.amqp_url, [before], 1)
    bus.publish(an_event("before"))
    after = replace(before, types=(PathPublished,), former=before.types)
    new = replace(before, name="catalog.new", partitioned=False)
    for _ in range(2):
        topology.declare(bus.amqp_url, [after, new], 1)
        bus.publish(an_event("after"))
    assert (bus.count(old), bus.count("catalog.new")) == (1, 2)
