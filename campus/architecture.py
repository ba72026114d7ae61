"""What Tandem is made of, read from the code's own declarations.

docs/architecture.md and docs/operators.md are written from this, and the manifests of deploy/ are
checked against it, so that none of them can drift.
"""

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from campus.platform import JOBS, ROLES
from campus.queues import subscriptions
from chassis.contracts.events import contracts
from chassis.messaging.subscriptions import Subscription
from chassis.operations.settings import Settings, variable_of


@dataclass(frozen=True)
class Setting:
    """One setting of a service."""

    variable: str
    """Its name in the environment."""
    doc: str
    roles: tuple[str, ...]
    """Who reads it, of the roles that the service has."""
    reaches: str
    """What is at this address; empty where it is none."""
    secret: bool
    required: bool
    default: Any
    """Meaningless where it is required."""


@dataclass(frozen=True)
class Service:
    """One service as its code declares it."""

    name: str
    servers: tuple[str, ...]
    """The roles that run until they are told to stop: api, worker, relay."""
    settings_class: type[Settings]
    settings: tuple[Setting, ...]
    subscriptions: tuple[Subscription[Any], ...]
    """Its queues."""
    contract: str
    """The full name of its gRPC service."""
    methods: tuple[str, ...]
    """The RPCs that it answers."""
    streams: tuple[str, ...]
    """Those of them whose calls last as long as their callers like."""
    events: tuple[str, ...]
    """The types of the events that it publishes."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Everything that `python -m services.<name>` can run."""
        return (*self.servers, *JOBS)

    def read_by(self, role: str) -> tuple[Setting, ...]:
        """The settings that a role reads."""
        return tuple(each for each in self.settings if role in each.roles)

    def reached_by(self, role: str) -> frozenset[str]:
        """What a role opens connections to: "mongodb", "rabbitmq", ..., or another service."""
        return frozenset(each.reaches for each in self.read_by(role) if each.reaches)


@cache
def services() -> Mapping[str, Service]:
    """Every service by its name."""
    return {name: _service(name, servers) for name, servers in ROLES.items()}


def streaming() -> str:
    """A pattern that fits all of a metric's `method` labels that are of streams (RE2, anchored)."""
    return f".*[.]({'|'.join(name for each in services().values() for name in each.streams)})"


def publisher_of(event: str) -> str:
    """The service that publishes events of a type."""
    return event.split(".")[1]


def _service(name: str, servers: tuple[str, ...]) -> Service:
    settings = importlib.import_module(f"services.{name}.settings").Settings
    contract = importlib.import_module(f"tandem.{name}.v1.{name}_pb2").DESCRIPTOR
    (descriptor,) = contract.services_by_name.values()
    roles = (*servers, *JOBS)
    return Service(
        name,
        servers,
        settings,
        tuple(_setting(field, roles) for field in dataclasses.fields(settings)),
        tuple(subscriptions().get(name, ())),
        descriptor.full_name,
        tuple(method.name for method in descriptor.methods),
        tuple(
            method.name
            for method in descriptor.methods
            if method.client_streaming or method.server_streaming
        ),
        tuple(sorted(event for event in contracts() if publisher_of(event) == name)),
    )


def _setting(field: "dataclasses.Field[Any]", roles: tuple[str, ...]) -> Setting:
    about = field.metadata
    return Setting(
        variable_of(field),
        about["doc"],
        tuple(role for role in roles if role in about["roles"]),
        about["reaches"],
        about["secret"],
        about["required"],
        field.default,
    )
