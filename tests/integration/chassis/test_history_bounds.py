"""The history's bounds: declared once, and lowered by a policy while it is in use."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chassis.messaging import topology
from tests.integration.chassis.bus import Bus, channel_of, eventually
from tests.management import manage

# More than two of the history's segments; the broker deletes whole ones.
BODY, COUNT = b"x" * 1_000_000, 120


def set_policy(stack: Mapping[str, str], amqp_url: str, definition: Mapping[str, Any]) -> None:
    """Set the history's policy by the management API, as an operator does."""
    vhost = urlsplit(amqp_url).path.removeprefix("/")
    policy = {"pattern": r"^tandem\.history$", "apply-to": "queues", "definition": definition}
    manage(stack, "PUT", f"policies/{vhost}/history", policy)


def publish(bus: Bus, count: int) -> None:
    """Publish events of a megabyte, each confirmed."""
    with channel_of(bus.amqp_url) as channel:
        channel.confirm_delivery()
        for _ in range(count):
            channel.basic_publish(topology.EXCHANGE, "tandem.any.v1", BODY)


def first_offset(bus: Bus) -> int:
    """The oldest event that the history has."""
    with channel_of(bus.amqp_url) as channel:
        channel.basic_qos(prefetch_count=1)
        arguments = {"x-stream-offset": "first"}
        for _, properties, _ in channel.consume(topology.HISTORY, arguments=arguments):
            channel.close()
            return int(properties.headers["x-stream-offset"])
    raise AssertionError


def test_a_policy_lowers_the_bounds_of_a_history_in_use(bus: Bus, stack: dict[str, str]) -> None:
    """Messages beyond the new limit are deleted; another declaration is no error."""
    bus.declare()
    publish(bus, 1)
    assert first_offset(bus) == 0
    set_policy(stack, bus.amqp_url, {"max-length-bytes": 2_000_000, "max-age": "14D"})

    def shortened() -> bool:
        publish(bus, COUNT)
        return first_offset(bus) > 0

    eventually("a later beginning", shortened)
    bus.declare()
