"""Consumers of a virtual host of a test's own, and what their accounts may do there."""

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosedByBroker

from campus.consumers import accounts
from campus.consumers.accounts import Limits, Names
from campus.consumers.consumers import Consumers
from campus.consumers.management import Management
from tests.integration.chassis.bus import Bus, channel_of
from tests.integration.processes import PATIENCE

TYPES = ["tandem.catalog.enrolment.#"]
LIMITS = Limits(bytes=1_000_000, connections=3, channels=5)


class Killed(BaseException):
    """A process ends here."""


class Killable(Management):
    """The management API, with which a command is killed before one of its calls."""

    left = 1_000_000

    def _call(self, method: str, path: tuple[str, ...], body: Any = None) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return super()._call(method, path, body)


@dataclass
class Desk:
    """Where consumers are added."""

    bus: Bus
    management: Killable
    passwords: dict[str, str] = field(default_factory=dict)
    _made: list[str] = field(default_factory=list)

    @property
    def consumers(self) -> Consumers:
        """The consumers of the virtual host."""
        return Consumers(self.management, self.bus.amqp_url)

    def name(self) -> str:
        """A name that no other test uses: users are the whole broker's."""
        self._made.append(f"t-{secrets.token_hex(4)}")
        return self._made[-1]

    def add(self, types: Collection[str] = TYPES, limits: Limits = LIMITS) -> Names:
        """A new consumer."""
        names = Names(self.name())
        self.passwords[names.name] = str(self.consumers.add(names.name, types, limits))
        return names

    def url(self, names: Names, password: str = "") -> str:
        """The AMQP URL of a consumer."""
        parts = urlsplit(self.bus.amqp_url)
        login = f"{names.user}:{password or self.passwords[names.name]}"
        return parts._replace(netloc=f"{login}@{parts.hostname}:{parts.port}").geturl()

    def logs_in(self, names: Names, password: str = "") -> bool:
        """Whether the broker lets it in."""
        try:
            pika.BlockingConnection(pika.URLParameters(self.url(names, password))).close()
        except AMQPConnectionError:
            return False
        return True

    def subjects(self, queue: str, count: int) -> list[str]:
        """The subjects of this number of messages, which are taken off a queue."""
        return [each[1].headers["cloudEvents_subject"] for each in self.bus.messages(queue, count)]

    def rest(self, names: Names) -> list[Any]:
        """What the broker still has of a consumer, but for its connections."""
        vhost = self.management.vhost
        found = [self.management.get("users", names.user)]
        for queue in accounts.policies(names, LIMITS):
            found.append(self.management.get("policies", vhost, queue))
            found.append(self.management.get("queues", vhost, queue))
        return [each for each in found if each]

    def clear(self) -> None:
        """Remove the users."""
        self.management.left = 1_000_000
        for name in self._made:
            self.management.delete("users", Names(name).user)


@contextmanager
def desk_of(bus: Bus, stack: Mapping[str, str]) -> Iterator[Desk]:
    """A desk, whose users are gone afterwards."""
    desk = Desk(bus, Killable(stack["TANDEM_AMQP_MANAGEMENT_URL"], bus.amqp_url))
    try:
        yield desk
    finally:
        desk.clear()


@contextmanager
def refused(url: str) -> Iterator[Any]:
    """A channel of an account, on which the broker refuses what is tried."""
    with channel_of(url) as channel:
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker) as raised:
            yield channel
    assert raised.value.reply_code == 403


@contextmanager
def ended(url: str) -> Iterator[None]:
    """A connection that reads, and that the broker has ended afterwards."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    yield
    with pytest.raises(AMQPError):
        connection.sleep(PATIENCE)
