"""The consumers that a broker has: added, changed, revoked, shown.

The broker is the only record of them, so nothing can disagree with it. Each change may be repeated
after it was killed: what is done already stays as it is. A user can log in once all else is there.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from campus.consumers import accounts
from campus.consumers.accounts import Limits, Names
from campus.consumers.errors import BrokerRefuses, UnknownConsumer
from campus.consumers.locks import locked
from campus.consumers.management import Management
from chassis.messaging import topology

PASSWORD_BYTES = 32


@dataclass(frozen=True)
class Consumer:
    """What the broker has of a consumer. It counts messages every five seconds."""

    name: str
    account: bool
    """Whether it may log in."""
    types: tuple[str, ...]
    waiting: int
    """Events that are ready in its queue."""
    held: int
    """Events that it has received, and not acknowledged."""
    bytes: int
    """Of the events in its queue."""
    most_bytes: int | None
    acknowledged_per_second: float
    readers: int
    """AMQP consumers of its queue."""
    connections: int
    most_connections: int | None
    dead_letters: int


class Consumers:
    """The consumers of a virtual host.

    Methods raise BrokerRefuses, Busy while another command changes the same consumer,
    pika.exceptions.AMQPError, and OSError if the management API does not answer.
    """

    def __init__(self, management: Management, amqp_url: str) -> None:
        """Both are of an administrator of the broker, who may do everything in the virtual host."""
        self._api, self._amqp_url = management, amqp_url

    def add(self, name: str, patterns: Collection[str], limits: Limits) -> str | None:
        """Let a consumer read the types of `patterns`, and only these; return its new password.

        Of one that may log in already, types and limits change, and the password stays: None.
        """
        names = Names(name)
        with locked(self._amqp_url, names.lock) as connection:
            user = self._prepare(names)
            for kind, value in (
                ("max-connections", limits.connections),
                ("max-channels", limits.channels),
            ):
                self._api.put({"value": value}, "user-limits", names.user, kind)
            rights = accounts.rights(names)
            self._api.put(rights, "permissions", self._api.vhost, names.user)
            for queue, definition in accounts.policies(names, limits).items():
                policy = accounts.policy(queue, definition)
                self._api.put(policy, "policies", self._api.vhost, queue)
            self._declare(connection.channel(), names, set(patterns))
            return None if user["password_hash"] else self._new_password(names)

    def rotate(self, name: str) -> str:
        """Give a consumer a new password, end its connections, and return the password.

        Raises UnknownConsumer.
        """
        names = Names(name)
        with locked(self._amqp_url, names.lock):
            if not self._user(names):
                raise UnknownConsumer(f"there is no consumer {name!r}; add it")
            password = self._new_password(names)
            self._api.delete("connections", "username", names.user)
            return password

    def remove(self, name: str, keeps_queues: bool) -> None:
        """Revoke a consumer: its connections end, and it can't log in.

        Its queues are removed with their events, or stay, and take events up to their limit.
        Raises UnknownConsumer if nothing of it is there.
        """
        names = Names(name)
        if not self._user(names) and not self._queue(names.queue):
            raise UnknownConsumer(f"there is no consumer {name!r}")
        # Before the lock: nothing delays that. The broker ends the connections of a deleted user.
        self._api.delete("users", names.user)
        with locked(self._amqp_url, names.lock) as connection:
            self._api.delete("users", names.user)  # an `add` may have been under way
            if keeps_queues:
                return
            channel = connection.channel()
            for queue in (names.dead, names.replay):
                channel.queue_delete(queue)
            for queue in accounts.policies(names, Limits()):
                self._api.delete("policies", self._api.vhost, queue)
            channel.queue_delete(names.queue)  # the last: a repeat finds out that it has work left

    def names(self) -> list[str]:
        """Return the names of all consumers, also of those of which only the queues are left."""
        permissions = self._api.get("vhosts", self._api.vhost, "permissions") or []
        queues = self._api.get("queues", self._api.vhost) or []
        found = [each["user"] for each in permissions] + [each["name"] for each in queues]
        named = {each.removeprefix(accounts.PREFIX) for each in found if _is_consumers(each)}
        return sorted(each for each in named if not accounts.fault(each))

    def show(self, name: str) -> Consumer:
        """Return what the broker has of a consumer. Raises UnknownConsumer."""
        names = Names(name)
        user, queue = self._user(names), self._queue(names.queue)
        if not user and not queue:
            raise UnknownConsumer(f"there is no consumer {name!r}")
        limits = (user or {}).get("limits", {})
        policy = self._api.get("policies", self._api.vhost, names.queue) or {"definition": {}}
        dead = self._queue(names.dead)
        sessions = self._api.get("connections", "username", names.user) if user else []
        rate = queue.get("message_stats", {}).get("ack_details", {}).get("rate", 0.0)
        return Consumer(
            name=name,
            account=bool(user and user["password_hash"]),
            types=tuple(self.patterns(name)),
            waiting=queue.get("messages_ready", 0),
            held=queue.get("messages_unacknowledged", 0),
            bytes=queue.get("message_bytes", 0),
            most_bytes=policy["definition"].get("max-length-bytes"),
            acknowledged_per_second=float(rate),
            readers=queue.get("consumers", 0),
            connections=len(sessions or []),
            most_connections=dict(limits or {}).get("max-connections"),
            dead_letters=dead.get("messages", 0),
        )

    def patterns(self, name: str) -> list[str]:
        """Return the patterns of a consumer's types. Raises UnknownConsumer if it has no queue."""
        found = self._api.get("queues", self._api.vhost, Names(name).queue, "bindings")
        if found is None:
            raise UnknownConsumer(f"there is no queue of a consumer {name!r}; add it")
        return sorted(each["routing_key"] for each in found if each["source"] == topology.EXCHANGE)

    def _prepare(self, names: Names) -> Mapping[str, Any]:
        """Make the user, who can't log in before it has a password; return what the broker has."""
        user: Mapping[str, Any] | None = self._user(names)
        if user is None:
            user = {"password_hash": "", "tags": ""}
            self._api.put(user, "users", names.user)
        return user

    def _declare(self, channel: BlockingChannel, names: Names, patterns: set[str]) -> None:
        """Declare the queues, the policies of which exist, and bind the queue by these patterns."""
        for queue in (names.dead, names.replay, names.queue):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        bound = set(self.patterns(names.name))
        for pattern in sorted(patterns - bound):
            channel.queue_bind(names.queue, topology.EXCHANGE, pattern)
        for pattern in sorted(bound - patterns):
            channel.queue_unbind(names.queue, topology.EXCHANGE, pattern)

    def _new_password(self, names: Names) -> str:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._api.put({"password": password, "tags": ""}, "users", names.user)
        return password

    def _user(self, names: Names) -> Any:
        """Return a consumer's user; None if there is none. Users belong to the whole broker: one of
        another virtual host is refused.
        """
        permissions = self._api.get("users", names.user, "permissions") or []
        elsewhere = sorted({each["vhost"] for each in permissions} - {self._api.vhost})
        if elsewhere:
            raise BrokerRefuses(
                f"name: the broker's user {names.user} is of the virtual host "
                f"{', '.join(elsewhere)}; use another name"
            )
        return self._api.get("users", names.user)

    def _queue(self, queue: str) -> dict[str, Any]:
        return self._api.get("queues", self._api.vhost, queue) or {}


def _is_consumers(name: str) -> bool:
    return name.startswith(accounts.PREFIX)
