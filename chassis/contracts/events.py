"""Events as they are published: CloudEvents in binary mode over AMQP.

CloudEvents 1.0.2, AMQP protocol binding section 3.1 (attributes as headers `cloudEvents_<name>`),
with the extensions partitioning, sequence and distributed tracing. The body is the event's proto
message by its canonical JSON mapping.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

import tandem
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tandem.options.v1 import options_pb2

from chassis.contracts import cloudevents, json_bodies
from chassis.contracts.cloudevents import MalformedError
from chassis.contracts.mapping import to_message

M = TypeVar("M", bound=Message)

CONTENT_TYPE = "application/json"
PREFIX = cloudevents.PREFIX
# An event is smaller than this, so that no broker, stream or inbox has to handle a huge one.
LARGEST_BODY = 256 * 1024


class UndecodableError(ValueError):
    """A message that is no event of ours; the text says what is missing or wrong."""


class UnknownTypeError(UndecodableError):
    """An event of a type that this version doesn't know, but another version may."""


@dataclass(frozen=True, slots=True)
class Event(Generic[M]):
    """An event with its CloudEvent attributes."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    partition_key: str
    sequence: int
    """The version of the aggregate `partition_key`: 1, 2, 3, ... without gaps; 0 if its type has
    none."""
    traceparent: str
    data: M
    resync: str = ""
    """The resync that sent it, as the state that holds now; empty: it tells what happened."""
    is_sealed: bool = False
    """Whether it comes from the archive without its personal fields (chassis.archive.sealing)."""


@cache
def contracts() -> Mapping[str, type[Message]]:
    """Return every event message of the contracts, by its type."""
    return {event_type(cls): cls for cls in _messages() if _option(cls).type}


def event_type(cls: type[Message]) -> str:
    """Return the CloudEvents type of an event message; empty if it is no event."""
    return _option(cls).type


def message_for(service: str, value: object) -> Message:
    """Return the event message for a domain's dataclass of the same name.

    Raises LookupError if the service's contracts have no such event.
    """
    name = f"tandem.{service}.v1.{type(value).__name__}"
    cls = _by_name().get(name)
    if cls is None:
        raise LookupError(f"{name} is not an event of the contracts")
    return to_message(value, cls)


def subject_and_key(message: Message) -> tuple[str, str]:
    """Return the CloudEvents subject and the partition key of an event message."""
    option = _option(type(message))
    key = ":".join(getattr(message, field) for field in option.partition_key)
    return getattr(message, option.subject), key


def has_sequence(cls: type[Message]) -> bool:
    """Return whether events of this message carry their aggregate's version."""
    return not _option(cls).without_sequence


def body_of(message: Message) -> bytes:
    """Return the event's body. Raises ValueError if it is larger than an event may be."""
    text = json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode()
    if len(text) >= LARGEST_BODY:
        name = message.DESCRIPTOR.full_name
        raise ValueError(f"{name} has {len(text)} bytes; split it below {LARGEST_BODY}")
    return text


def headers_of(event: "Event[Any]") -> dict[str, str]:
    """Return the AMQP headers of an event."""
    headers = {
        f"{PREFIX}specversion": "1.0",
        f"{PREFIX}id": event.id,
        f"{PREFIX}type": event.type,
        f"{PREFIX}source": event.source,
        f"{PREFIX}time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        f"{PREFIX}subject": event.subject,
        f"{PREFIX}partitionkey": event.partition_key,
        f"{PREFIX}traceparent": event.traceparent,
    }
    if event.sequence:
        # The sequence extension needs sortable text: 20 digits hold every 64-bit number.
        headers[f"{PREFIX}sequence"] = f"{event.sequence:020d}"
    if event.resync:
        headers[f"{PREFIX}resync"] = event.resync
    return headers


def read(
    headers: Mapping[str, Any] | None, body: bytes, content_type: str | None = None
) -> "Event[Message]":
    """Return the event of a delivery. Raises UndecodableError (UnknownTypeError is one), and
    nothing else, whatever another client has sent.
    """
    try:
        found = cloudevents.read(headers or {}, content_type)
    except MalformedError as error:
        raise UndecodableError(str(error)) from error
    except Exception as error:  # an unforeseen error must not stop a batch
        raise UndecodableError(f"no CloudEvent: {type(error).__name__}: {error}"[:1000]) from error
    cls = contracts().get(found.type)
    if cls is None:
        raise UnknownTypeError(f"unknown event type {found.type!r}")
    if not found.sequence and has_sequence(cls):
        raise UndecodableError(f"no CloudEvent: {found.type} has no sequence")
    return Event(
        id=found.id,
        type=found.type,
        source=found.source,
        time=found.time,
        subject=found.subject,
        partition_key=found.partition_key,
        sequence=found.sequence,
        traceparent=found.traceparent,
        resync=found.resync,
        is_sealed=found.is_sealed,
        data=_data(cls, found.type, body),
    )


def _data(cls: type[M], name: str, body: bytes) -> M:
    if len(body) >= LARGEST_BODY:
        raise UndecodableError(f"{name}: {len(body)} bytes; an event stays below {LARGEST_BODY}")
    try:
        return json_bodies.parse(body, cls)
    except Exception as error:  # protobuf doesn't document what hostile JSON makes it raise
        raise UndecodableError(f"{name}: {error}"[:1000]) from error


@cache
def _by_name() -> Mapping[str, type[Message]]:
    return {cls.DESCRIPTOR.full_name: cls for cls in contracts().values()}


def _option(cls: type[Message]) -> options_pb2.Event:
    return cls.DESCRIPTOR.GetOptions().Extensions[options_pb2.event]


def _messages() -> Iterator[type[Message]]:
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        if module.name.endswith(".events_pb2"):
            file = importlib.import_module(module.name).DESCRIPTOR
            for descriptor in file.message_types_by_name.values():
                yield GetMessageClass(descriptor)
