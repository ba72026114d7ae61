"""An event, as a message of RabbitMQ carries it.

CloudEvents 1.0.2 in binary mode (AMQP protocol binding, section 3.1): attributes are headers
`cloudEvents_<name>`, and the body is JSON, the canonical mapping of a proto message.
"""

import builtins
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import Message

from tandem_events.data import TYPES

D = TypeVar("D")
M = TypeVar("M", bound=Message)
PREFIX = "cloudEvents_"
GREATEST = 2**63 - 1
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
REQUIRED = ("id", "source", "type", "time")


class UnreadableError(ValueError):
    """A message that is no event; the text lists everything that is wrong with it."""


class OtherTypeError(TypeError):
    """An event is of another type than the one asked for."""


@dataclass(frozen=True)
class Event:
    """Something that happened in Tandem."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    partition_key: str
    sequence: int | None
    """The number of the event among those of its source and partition key: 1, 2, 3, ...; None if
    its type has none."""
    data: Mapping[str, Any]
    """The body: names in camelCase; what is absent has its default value."""
    is_sealed: bool = False
    """Whether it came from the archive without names, addresses and texts: their keys stay in
    Tandem, and are thrown away when a person is erased."""

    def data_as(self, kind: builtins.type[D]) -> D:
        """Return the body with its type, a TypedDict of tandem_events.data; nothing is converted.

        Raises OtherTypeError if it is not the type of this event's body.
        """
        if TYPES.get(self.type) is not kind:
            raise OtherTypeError(f"{self.type} is no {kind.__name__}")
        return cast(D, self.data)

    def parse_into(self, message: M) -> M:
        """Return a message of the contracts with the body in it, but for fields that it lacks.

        Raises google.protobuf.json_format.ParseError if the body is none of this kind.
        """
        json_format.ParseDict(dict(self.data), message, ignore_unknown_fields=True)
        return message


def read(headers: Mapping[str, Any] | None, body: bytes) -> Event:
    """Return the event of a message.

    Raises UnreadableError, which lists all faults.
    """
    faults: list[str] = []
    attributes = _attributes(headers or {}, faults)
    time = _parsed(attributes, "time", _instant, faults)
    sequence = _parsed(attributes, "sequence", _number, faults)
    data = _object(body, faults)
    if faults:
        raise UnreadableError("; ".join(faults))
    return Event(
        id=attributes["id"],
        type=attributes["type"],
        source=attributes["source"],
        time=time,
        subject=attributes.get("subject", ""),
        partition_key=attributes.get("partitionkey", ""),
        sequence=sequence,
        data=data,
        is_sealed="sealedfor" in attributes,
    )


def _attributes(headers: Mapping[str, Any], faults: list[str]) -> Mapping[str, str]:
    """Return the attributes that are texts; an optional one that is empty is absent."""
    found = {
        name.removeprefix(PREFIX): value
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }
    faults += [f"the header {PREFIX}{name} is missing" for name in REQUIRED if not found.get(name)]
    faults += [
        f"the header {PREFIX}{name} is {value!r:.80}, and no text"
        for name, value in found.items()
        if not isinstance(value, str)
    ]
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _parsed(
    attributes: Mapping[str, str], name: str, parse: Callable[[str], Any], faults: list[str]
) -> Any:
    """Return what an attribute says; None if there is none."""
    if name not in attributes:
        return None
    try:
        return parse(attributes[name])
    except ValueError as error:
        faults.append(f"the header {PREFIX}{name} can't be read: {error!s:.200}")
        return None


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("it has no offset from UTC")
    if not EARLIEST <= found < LATEST:
        raise ValueError("it is not between 1900 and 2200")
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= GREATEST:
        raise ValueError(f"{text!r:.40} is no number from 1 to 2^63 - 1")
    return int(text)


def _object(body: bytes, faults: list[str]) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        faults.append(f"the body is no JSON: {error!s:.200}")
        return None
    if not isinstance(found, dict):
        faults.append("the body is no JSON object")
    return found
