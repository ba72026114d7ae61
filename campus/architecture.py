"""The parts of Tandem, read from the declarations in the code.

docs/architecture.md and docs/operators.md are generated from them, and tests check the manifests of
deploy/ against them, so that all stay up to date.
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
    """The name of the environment variable."""
    doc: str
    roles: tuple[str, ...]
    """The roles of the service that read it."""
    reaches: str
    """The server at this address; empty if the setting is not an address."""
    secret: bool
    required: bool
    default: Any
    """Meaningless if the setting is required."""


@dataclass(frozen=True)
class Service:
    """One service, as its code declares it."""

    name: str
    servers: tuple[str, ...]
    """The roles that run until they get a signal to stop: api, worker, relay."""
    settings_class: type[Settings]
    settings: tuple[Setting, ...]
    subscriptions: tuple[Subscription[Any], ...]
    """The queues of the service."""
    contract: str
    """The full name of its gRPC service."""
    methods: tuple[str, ...]
    """The RPCs of the service."""
    streams: tuple[str, ...]
    """The streaming RPCs of the service."""
    events: tuple[str, ...]
    """The types of the events that the service publishes."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Return all roles that `python -m services.<name>` can run."""
        return (*self.servers, *JOBS)

    def read_by(self, role: str) -> tuple[Setting, ...]:
        """Return the settings that a role reads."""
        return tuple(each for each in self.settings if role in each.roles)

    def reached_by(self, role: str) -> frozenset[str]:
        """Return the servers that a role connects to: "mongodb", "rabbitmq", ..., or a service."""
        return frozenset(each.reaches for each in self.read_by(role) if each.reaches)


@cache
def services() -> Mapping[str, Service]:
    """Return every service by name."""
    return {name: _service(name, servers) for name, servers in ROLES.items()}


def streaming() -> str:
    """Return a pattern for the `method` labels of streaming RPCs (RE2, anchored)."""
    return f".*[.]({'|'.join(name for each in services().values() for name in each.streams)})"


def publisher_of(event: str) -> str:
    """Return the service that publishes events of a type."""
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
