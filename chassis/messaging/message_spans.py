"""Spans of events, named by OpenTelemetry's semantic conventions for messaging.

The span of sending is a child of the request that caused the event; the span of processing is a
child of the span of sending.
"""

from collections.abc import Mapping
from typing import Any

from chassis.contracts.events import PREFIX, Event
from chassis.messaging import topology
from chassis.operations import tracing
from chassis.operations.tracing import Attributes, Kind, Span

TRACEPARENT = f"{PREFIX}traceparent"


def sending(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Span | None]:
    """Begin the span of sending an outbox row; return the headers to send it with, and the span.

    Without an exporter there is no span: with ten thousand a second it would cost too much.
    """
    headers: Mapping[str, Any] = row["headers"]
    if not tracing.is_exporting():
        return headers, None
    attributes = _attributes("send", topology.EXCHANGE, row["_id"], row["type"])
    parent = str(headers.get(TRACEPARENT, ""))
    span = tracing.begin(f"send {topology.EXCHANGE}", Kind.PRODUCER, parent, attributes)
    return {**headers, TRACEPARENT: span.traceparent}, span


def processing(queue: str, event: Event[Any]) -> Span:
    """Begin the span of processing an event from a queue."""
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
