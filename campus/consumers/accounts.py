"""What a consumer has at the broker, by its name; pure functions.

A consumer `lti` has, all of its own:

    consumer.lti          the user, and the quorum queue with its events
    consumer.lti.dead     the dead letters
    consumer.lti.replay   the state of a replay, which the user can't read

The user reads the first two queues. It writes nothing, so it needs no right on the default
exchange, which would reach every queue; and it declares and binds nothing, so its types are what
the operator chose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.messaging import topology

PREFIX = "consumer."
NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
# A policy of the manifests' kind has at most priority 2, and one queue has one policy.
PRIORITY = 10
DEAD_SHARE = 10
"""The dead letters of a consumer have this part of its queue's limit."""


@dataclass(frozen=True)
class Limits:
    """How much of the broker a consumer may take."""

    bytes: int = 1_000_000_000
    """Of the events that wait in its queue. Beyond it the oldest become dead letters."""
    connections: int = 10
    channels: int = 50


@dataclass(frozen=True)
class Names:
    """The names of what a consumer has."""

    name: str

    @property
    def user(self) -> str:
        """The user, who belongs to the whole broker."""
        return PREFIX + self.name

    @property
    def queue(self) -> str:
        """The queue with its events."""
        return PREFIX + self.name

    @property
    def dead(self) -> str:
        """The queue with its dead letters."""
        return topology.dead(self.queue)

    @property
    def replay(self) -> str:
        """The queue with the state of a replay."""
        return f"{self.queue}.replay"

    @property
    def lock(self) -> str:
        """The exclusive queue of the command that works on the consumer."""
        return f"{self.queue}.lock"


def fault(name: str) -> str:
    """Return what is wrong with a consumer's name; empty if nothing is."""
    if NAME.fullmatch(name):
        return ""
    return (
        f"name: {name[:80]!r} is no name of a consumer; use 1 to 40 of a-z, 0-9 and -, first a "
        "letter and last no -, such as student-records"
    )


def rights(names: Names) -> dict[str, str]:
    """Return the user's permissions in the virtual host."""
    queue = re.escape(names.queue)
    return {"configure": "^$", "write": "^$", "read": rf"^{queue}(\.dead)?$"}


def policies(names: Names, limits: Limits) -> dict[str, dict[str, Any]]:
    """Return the policies of the consumer's queues, by name. They replace the manifests' ones.

    A full queue drops its oldest event and never refuses a new one: a refusal would be the relay's
    to repeat, for every queue of this event (docs/decisions/0088). The dead letters drop, too:
    RabbitMQ ignores reject-publish where a dead letter arrives, so they would have no limit.
    """
    return {
        names.queue: {
            "max-length-bytes": limits.bytes,
            "overflow": "drop-head",
            "delivery-limit": topology.DELIVERY_LIMIT,
            "dead-letter-exchange": "",
            "dead-letter-routing-key": names.dead,
        },
        names.dead: {
            "max-length-bytes": limits.bytes // DEAD_SHARE,
            "overflow": "drop-head",
            "delivery-limit": topology.UNLIMITED_DELIVERIES,
        },
        # A new state replaces the one before it.
        names.replay: {
            "max-length": 1,
            "overflow": "drop-head",
            "delivery-limit": topology.UNLIMITED_DELIVERIES,
        },
    }


def policy(queue: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy for one queue, also for RabbitMQ 3.10."""
    return {
        "pattern": f"^{re.escape(queue)}$",
        "apply-to": "queues",
        "priority": PRIORITY,
        "definition": dict(definition),
    }
