"""The local stack: starts and stops all parts, and returns their status."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from campus.stack.concurrency import all_at_once, alone
from campus.stack.given import given
from campus.stack.meetings import Meetings
from campus.stack.mongodb import MongoDB
from campus.stack.process import Process
from campus.stack.rabbitmq import RabbitMQ
from campus.stack.smtp import SMTP
from campus.stack.swift import ObjectStore

ALL = ("rabbitmq", "mongodb", "s3", "smtp")


class Part(Protocol):
    """The interface of a part."""

    name: str
    process: Process

    @property
    def address(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def ready(self) -> bool: ...
    def environment(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class Endpoints:
    """The addresses of the parts."""

    variables: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """Return the `TANDEM_*` variables that the services read."""
        return dict(self.variables)


class State(StrEnum):
    """The state of a part."""

    RUNNING = "running"
    STOPPED = "stopped"
    NOT_ANSWERING = "not answering"
    GIVEN = "given by environment"


@dataclass(frozen=True)
class PartStatus:
    """The status of one part; `pid` and `address` are None if there is none."""

    name: str
    state: State
    pid: int | None = None
    address: str | None = None


class Stack:
    """The local stack of one data folder.

    A part whose address `environment` gives (`TANDEM_AMQP_URL` and so on) is used from there
    and never started here.
    """

    def __init__(
        self,
        folder: Path = Path("var"),
        environment: Mapping[str, str] = os.environ,
        mongodb_cache: float = 0.5,
    ) -> None:
        """`mongodb_cache`: the size of MongoDB's cache in GB."""
        self.folder = folder.absolute()
        self._given = environment
        self._lock = self.folder / "lock"
        self.rabbitmq = RabbitMQ(self.folder)
        self.mongodb = MongoDB(self.folder, mongodb_cache)
        self.s3 = ObjectStore(self.folder)
        self.smtp = SMTP(self.folder)
        self.meetings = Meetings(self.folder)
        """Not among the parts: no service needs it, and who wants it starts it; `down` stops it."""

    @property
    def parts(self) -> dict[str, Part]:
        """Return the local parts by name."""
        local: tuple[Part, ...] = (self.rabbitmq, self.mongodb, self.s3, self.smtp)
        return {part.name: part for part in local}

    @property
    def broker_metrics(self) -> str | None:
        """Return host and port of RabbitMQ's metrics; None if the environment gives the broker."""
        given_elsewhere = given(self.rabbitmq.name, self._given)
        return None if given_elsewhere else urlsplit(self.rabbitmq.prometheus_url).netloc

    def up(self, parts: Collection[str] = ALL) -> Endpoints:
        """Start the parts that don't run yet, all at once, and return all addresses.

        Raises one StackError for all parts that can't be started; the others stay up.
        """
        elsewhere = {name: variables for name in parts if (variables := given(name, self._given))}
        local = [self.parts[name] for name in parts if name not in elsewhere]
        with alone(self._lock):
            all_at_once(part.start for part in local)
        here = {part.name: part.environment() for part in local}
        found = elsewhere | here
        return Endpoints({key: value for name in parts for key, value in found[name].items()})

    def down(self) -> None:
        """Stop every local part, and keep the data."""
        with alone(self._lock):
            all_at_once([*(part.stop for part in self.parts.values()), self.meetings.stop])

    def status(self) -> list[PartStatus]:
        """Return the status of each part."""
        return [self._status_of(part) for part in self.parts.values()]

    def _status_of(self, part: Part) -> PartStatus:
        if given(part.name, self._given):
            return PartStatus(part.name, State.GIVEN)
        pid = part.process.pid
        if pid is None:
            return PartStatus(part.name, State.STOPPED)
        state = State.RUNNING if part.ready() else State.NOT_ANSWERING
        return PartStatus(part.name, state, pid, part.address)
