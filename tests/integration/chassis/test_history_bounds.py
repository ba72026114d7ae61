"""The history's bounds: declared once, and lowered by a policy while it is in use."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chassis import topology
from tests.integration.chassis.bus import Bus, channel_of, eventually

# More than two of the history's segments; the broker deletes whole ones.
BODY, COUNT = b"x" * 1_000_000, 120


def set_policy(stack: Mapping[str, str], amqp_url: str, definition: Mapping[str, Any]) -> None:
    """Set the history's policy by the management API, as an operator does."""
    vhost = urlsplit(amqp_url).path.removeprefix("/")
    policy = {"pattern": r"^tandem\.history$", "apply-to": "queues", "definition": definition}
    request = urllib.request.Request(
        f"{stack['TANDEM_AMQP_MANAGEMENT_URL']}/api/policies/{vhost}/history",
        method="PUT",
        data=json.dumps(policy).encode(),
    )
    broker = urlsplit(amqp_url)
    token = b64encode(f"{broker.username}:{broker.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=30).close()


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
    """What is beyond the new bound is deleted; to declare it again is no error."""
    bus.declare()
    publish(bus, 1)
    assert first_offset(bus) == 0
    set_policy(stack, bus.amqp_url, {"max-length-bytes": 2_000_000, "max-age": "14D"})

    def shortened() -> bool:
        publish(bus, COUNT)
        return first_offset(bus) > 0

    eventually("a later beginning", shortened)
    bus.declare()
