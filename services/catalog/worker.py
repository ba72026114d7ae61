"""The subscription of catalog: when people can teach."""

from collections.abc import Sequence
from typing import Any

from tandem.sessions.v1.events_pb2 import AvailabilityChanged

from chassis.contracts.events import Event
from chassis.contracts.mapping import from_message
from chassis.messaging.subscriptions import Subscription
from chassis.replicas import upsert_if_newer
from services.catalog.domain.availability import Availability
from services.catalog.store import CatalogStore


def subscriptions() -> tuple[Subscription[CatalogStore], ...]:
    """Return the service's subscriptions."""
    types = (AvailabilityChanged,)
    return (
        Subscription(
            "catalog.availability",
            types,
            availability,
            replacing=frozenset(types),
            resync=availability,
        ),
    )


def availability(store: CatalogStore, events: Sequence[Event[Any]]) -> None:
    """Keep when people can teach; what is older than the known changes nothing."""
    upsert_if_newer(store, Availability, [_replica(event) for event in events])


def _replica(event: Event[AvailabilityChanged]) -> Availability:
    return from_message(event.data, Availability, id=event.data.person_id, sequence=event.sequence)
