"""Events as CloudEvents in binary mode."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2
from tandem.notify.v1 import events_pb2 as notify
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.contracts import events
from chassis.contracts.amqp_tables import read_properties
from chassis.contracts.events import Event, UndecodableError
from tests.strangers import Stranger


@dataclass(frozen=True)
class RunClosedByNobody:
    run_id: str


def an_event(subject: str = "run-1", **more: Any) -> Event[Message]:
    data = events_pb2.PathPublished(run_id="run-1", version=3)
    fields: dict[str, Any] = {
        "id": "0190",
        "type": "tandem.catalog.path.published.v1",
        "source": "/tandem/catalog",
        "time": datetime(2026, 3, 2, 8, tzinfo=UTC),
        "subject": subject,
        "partition_key": "run-1",
        "sequence": 7,
        "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        "data": data,
    }
    return Event(**{**fields, **more})


def test_an_event_is_read_as_it_was_written() -> None:
    """Headers and body together give the event back."""
    event = an_event()
    assert events.read(events.headers_of(event), events.body_of(event.data)) == event


def test_the_headers_are_those_of_the_amqp_binding() -> None:
    """Attributes stand as cloudEvents_<name>, the time with Z, the sequence so that text sorts."""
    headers = events.headers_of(an_event())
    assert headers["cloudEvents_specversion"] == "1.0"
    assert headers["cloudEvents_time"] == "2026-03-02T08:00:00Z"
    assert headers["cloudEvents_partitionkey"] == "run-1"
    assert headers["cloudEvents_sequence"] == "00000000000000000007"


def test_a_key_of_two_fields_joins_them() -> None:
    """A seat's events keep their order among those of one learner in one session."""
    seat = sessions.SeatTaken(session_id="s-1", learner_id="ada")
    assert events.subject_and_key(seat) == ("s-1", "s-1:ada")


def test_an_event_without_sequence_is_read_as_it_was_written() -> None:
    """An event about a message's outcome needs no number."""
    data = notify.MessageDelivered(message_id="m")
    event = an_event(type="tandem.notify.message.delivered.v1", sequence=0, data=data)
    headers = events.headers_of(event)
    assert "cloudEvents_sequence" not in headers
    assert events.read(headers, events.body_of(data)) == event


def test_every_event_of_the_contracts_has_a_type_of_its_own() -> None:
    """Types are unique, and say their service."""
    assert len(events.contracts()) == 84
    for name, cls in events.contracts().items():
        service = cls.DESCRIPTOR.full_name.split(".")[1]
        assert name.startswith(f"tandem.{service}.")


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        (None, b"{}", "are missing"),
        ({"cloudEvents_id": "1"}, b"{}", "source, time, type are missing"),
        (events.headers_of(an_event(type="tandem.no.such.thing.v1")), b"{}", "unknown event type"),
        (events.headers_of(an_event()), b"{nonsense", "tandem.catalog.path.published.v1"),
        (events.headers_of(an_event()), b"\xff\xfe", "tandem.catalog.path.published.v1"),
        (events.headers_of(an_event()), b'{"version": "many"}', "version"),
        (events.headers_of(an_event()) | {"cloudEvents_sequence": "x"}, b"{}", "no number"),
        (events.headers_of(an_event()) | {"cloudEvents_time": "noon"}, b"{}", "noon"),
    ],
)
def test_what_is_no_event_says_why(headers: Any, body: bytes, said: str) -> None:
    """A body or header that can't be read names what is wrong."""
    with pytest.raises(UndecodableError, match=said):
        events.read(headers, body)


def test_whatever_strangers_write_is_an_event_or_undecodable() -> None:
    """Reading any of 6,000 messages raises nothing else."""
    for seed in range(60):
        stranger = Stranger(seed, an_event)
        for _ in range(100):
            given, body = stranger.message()
            found = read_properties(given.raw)
            try:
                events.read(found["headers"], body, found.get("content_type"))
            except UndecodableError:
                continue


@pytest.mark.parametrize(
    ("time", "seen"),
    [
        (datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (1_772_438_400, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (1_772_438_400_250, datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-02T09:00:00+01:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
    ],
)
def test_a_strangers_event_is_read(time: Any, seen: datetime) -> None:
    """With the other prefix, a timestamp of AMQP in seconds or milliseconds, a number, a type that
    we don't use.
    """
    headers: dict[str, Any] = {
        name.replace("_", ":", 1): value for name, value in events.headers_of(an_event()).items()
    }
    headers |= {"cloudEvents:time": time, "cloudEvents:sequence": 7, "cloudEvents:more": [1]}
    event = events.read(headers, events.body_of(an_event().data))
    assert (event.time, event.sequence, event.id) == (seen, 7, an_event().id)


def test_our_own_prefix_counts_where_both_are_there() -> None:
    """So another publisher's copy of a header changes nothing."""
    headers = {"cloudEvents:id": "other", **events.headers_of(an_event())}
    assert events.read(headers, b"{}").id == an_event().id


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("time", 2**64 - 1, "time: .* is not between 1900 and 2200"),
        ("time", "2026-03-02T08:00:00", "has no offset"),
        ("time", True, "bool is neither text nor a timestamp"),
        ("time", "0001-01-01T00:00:00+14:00", "not between 1900 and 2200"),
        ("id", "", "id: is empty"),
        ("id", "x" * 1025, "longer than 1024 characters"),
        ("subject", b"\xff", "subject: bytes is not text"),
        ("sequence", "-1", "no number"),
        ("sequence", "9" * 30, "not between 0 and"),
        ("sequence", "0", "has no sequence"),
    ],
)
def test_an_attribute_out_of_bounds_says_so(name: str, value: Any, said: str) -> None:
    """The reason names the attribute."""
    with pytest.raises(UndecodableError, match=said):
        events.read({**events.headers_of(an_event()), f"cloudEvents_{name}": value}, b"{}")


def test_structured_mode_is_told() -> None:
    """It says what to send instead."""
    with pytest.raises(UndecodableError, match="structured mode is not read"):
        events.read({}, b"{}", "application/cloudevents+json; charset=utf-8")


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """An event with a field that we don't know yet is still read."""
    event = events.read(events.headers_of(an_event()), b'{"runId": "r", "brandNew": true}')
    assert event.data == events_pb2.PathPublished(run_id="r")


def test_enum_values_of_a_newer_version_are_as_unspecified() -> None:
    """An event with an enum's value that we don't know is read, its other fields whole."""
    headers = events.headers_of(an_event(type="tandem.catalog.enrolment.created.v1"))
    event = events.read(headers, b'{"runId": "r", "mode": "ATTENDANCE_MODE_HOLOGRAM"}')
    assert event.data == events_pb2.EnrolmentCreated(run_id="r")


def test_an_event_that_is_too_large_is_refused() -> None:
    """One event stays under 256 KiB."""
    with pytest.raises(ValueError, match="split it below 262144"):
        events.body_of(events_pb2.PathPublished(run_id="x" * 300_000))


def test_a_dataclass_that_is_no_event_is_refused() -> None:
    """Only what the contracts name can be published."""
    with pytest.raises(LookupError, match="RunClosedByNobody"):
        events.message_for("catalog", RunClosedByNobody("r"))
