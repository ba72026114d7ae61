"""Reading the attributes of a CloudEvent from a message's headers, of any publisher.

CloudEvents 1.0.2, AMQP protocol binding, section 3.1: the prefix is `cloudEvents_` or
`cloudEvents:`, and `time` may be an AMQP timestamp. Only attributes that we use are read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.contracts.amqp_tables import UNREADABLE

PREFIX = "cloudEvents_"
PREFIXES = (PREFIX, "cloudEvents:")
# Limits for stored and compared values: a database key, an instant that every calendar has, a
# signed 64-bit number.
LONGEST = 1024
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
GREATEST = 2**63 - 1
_REQUIRED = ("id", "source", "time", "type")
_STRUCTURED = "application/cloudevents"


class MalformedError(ValueError):
    """The headers are not those of a CloudEvent; the text lists everything that is wrong."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a CloudEvent."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    partition_key: str
    sequence: int
    """0 if there is none."""
    traceparent: str
    resync: str = ""
    is_sealed: bool = False


def raw(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes' values as they were received, by name."""
    # In this order `cloudEvents_`, our own prefix, comes last and wins.
    names = sorted(name for name in headers if name.startswith(PREFIXES))
    return {name[len(PREFIX) :]: headers[name] for name in names}


def read(headers: Mapping[str, Any], content_type: str | None = None) -> Attributes:
    """Return the attributes of a message. Raises MalformedError."""
    if UNREADABLE in headers:
        raise MalformedError(f"headers can't be read: {headers[UNREADABLE]}")
    given = raw(headers)
    missing = [name for name in _REQUIRED if name not in given]
    if missing:
        raise MalformedError(_missing(missing, content_type))
    faults: list[str] = []

    def taken(name: str, take: Callable[[Any], Any]) -> Any:
        try:
            return take(given.get(name, ""))
        except ValueError as error:
            faults.append(f"{name}: {error}")

    found = Attributes(
        id=taken("id", _name),
        type=taken("type", _name),
        source=taken("source", _name),
        time=taken("time", instant),
        subject=taken("subject", _text),
        partition_key=taken("partitionkey", _text),
        sequence=taken("sequence", _sequence),
        traceparent=taken("traceparent", _text),
        resync=taken("resync", _text),
        is_sealed="sealedfor" in given,
    )
    if faults:
        raise MalformedError(f"no CloudEvent: {'; '.join(faults)}")
    return found


def instant(value: Any) -> datetime:
    """Return the instant of a `time`: RFC 3339, or an AMQP timestamp.

    That counts seconds; if it would be after 2200, the publisher meant milliseconds. Raises
    ValueError.
    """
    found = datetime.fromisoformat(value) if isinstance(value, str) else _from_timestamp(value)
    if found.tzinfo is None:
        raise ValueError(f"{value!r} has no offset from UTC; right would be 2026-03-02T08:00:00Z")
    if not EARLIEST <= found < LATEST:
        raise ValueError(f"{value!r} is not between 1900 and 2200")
    return found


def _from_timestamp(value: Any) -> datetime:
    if isinstance(value, datetime):
        value = int(value.timestamp())
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{type(value).__name__} is neither text nor a timestamp")  # noqa: TRY004
    seconds = value if value < LATEST.timestamp() else value / 1000
    # Checked before: on some platforms an instant that a datetime can't hold raises OSError.
    if not EARLIEST.timestamp() <= seconds < LATEST.timestamp():
        raise ValueError(f"{value} is not between 1900 and 2200")
    return datetime.fromtimestamp(seconds, UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} is not text")  # noqa: TRY004
    if len(value) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    return value


def _name(value: Any) -> str:
    if value == "":
        raise ValueError("is empty")
    return _text(value)


def _sequence(value: Any) -> int:
    """Return a number, also from digits; 0 if there is none."""
    if value == "":
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{str(value)[:50]!r} is no number; right would be 20 digits")  # noqa: TRY004
    if not 0 <= value <= GREATEST:
        raise ValueError(f"{str(value)[:50]} is not between 0 and 2^63")
    return value


def _missing(names: list[str], content_type: str | None) -> str:
    if str(content_type).startswith(_STRUCTURED):
        return "no CloudEvent in binary mode: structured mode is not read, send headers"
    return f"no CloudEvent: headers {', '.join(names)} are missing"
