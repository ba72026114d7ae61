"""Spans of events on their way, named by OpenTelemetry's semantic conventions for messaging.

An event is sent under the request that caused it, and processed under its sending.
"""

from collections.abc import Mapping
from typing import Any

from chassis.contracts.events import PREFIX, Event
from chassis.messaging import topology
from chassis.operations import tracing
from chassis.operations.tracing import Attributes, Kind, Span

TRACEPARENT = f"{PREFIX}traceparent"


def sending(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Span | None]:
    """Begin to send an outbox row; answers the headers to send it with, and the span.

    There is none where spans go nowhere: with ten thousand a second it would be felt.
    """
    headers: Mapping[str, Any] = row["headers"]
    if not tracing.is_exporting():
        return headers, None
    attributes = _attributes("send", topology.EXCHANGE, row["_id"], row["type"])
    parent = str(headers.get(TRACEPARENT, ""))
    span = tracing.begin(f"send {topology.EXCHANGE}", Kind.PRODUCER, parent, attributes)
    return {**headers, TRACEPARENT: span.traceparent}, span


def processing(queue: str, event: Event[Any]) -> Span:
    """Begin to process an event from a queue."""
    attributes = _attributes("process", queue, event.id, event.type)
    return tracing.begin(f"process {queue}", Kind.CONSUMER, event.traceparent, attributes)


def _attributes(operation: str, destination: str, event_id: str, kind: str) -> Attributes:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
        "messaging.message.id": event_id,
        "messaging.rabbitmq.destination.routing_key": kind,
    }
