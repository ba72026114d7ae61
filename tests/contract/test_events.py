"""Domain events and their contracts are the same thing in two languages."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import services
from chassis.contracts.events import contracts

SERVICES = sorted(module.name for module in pkgutil.iter_modules(services.__path__))


def domain_classes(service: str) -> Iterator[type[Any]]:
    """The dataclasses of a service's domain."""
    domain = importlib.import_module(f"services.{service}.domain")
    names = [domain.__name__]
    if hasattr(domain, "__path__"):
        names += [each.name for each in pkgutil.walk_packages(domain.__path__, f"{names[0]}.")]
    for name in names:
        for value in vars(importlib.import_module(name)).values():
            if dataclasses.is_dataclass(value) and isinstance(value, type):
                yield value


def event_messages(service: str) -> dict[str, Any]:
    """The service's event messages by their names."""
    return {
        cls.DESCRIPTOR.name: cls.DESCRIPTOR
        for name, cls in contracts().items()
        if name.startswith(f"tandem.{service}.")
    }


@pytest.mark.parametrize("service", SERVICES)
def test_domain_events_have_their_messages_fields(service: str) -> None:
    """A dataclass that is named like an event has exactly that event's fields, in its order."""
    messages = event_messages(service)
    for cls in domain_classes(service):
        if cls.__name__ in messages:
            wanted = [field.name for field in messages[cls.__name__].fields]
            assert [field.name for field in dataclasses.fields(cls)] == wanted, cls
            assert cls.__dataclass_params__.frozen, cls


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_of_the_contracts_can_happen(service: str) -> None:
    """Each event message of a service has its dataclass in the domain."""
    names = {cls.__name__ for cls in domain_classes(service)}
    assert sorted(event_messages(service).keys() - names) == []
