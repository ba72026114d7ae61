"""The parts of a foreign message that are published again."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pika
import pytest
from amqp.basic_message import Message  # type: ignore[import-untyped]

from chassis.contracts.amqp_tables import read_properties
from chassis.messaging import resending
from chassis.messaging.resending import LOST
from tests.strangers import Stranger
from tests.unit.chassis.test_events import an_event

KEPT: dict[str, Any] = {
    "text": "grüße",
    "bytes": b"\xff",
    "none": None,
    "true": True,
    "least": -(2**63),
    "most": 2**63 - 1,
    "time": datetime(2026, 3, 2, 8, tzinfo=UTC),
    "table": {"list": [1, {"a": "b"}]},
}


def sent(headers: dict[str, Any]) -> list[dict[str, Any]]:
    """The headers as pika and as py-amqp send them, read again."""
    by_pika = b"".join(pika.BasicProperties(headers=headers).encode())
    by_py_amqp = Message(b"", application_headers=headers)._serialize_properties()
    return [read_properties(raw)["headers"] for raw in (by_pika, by_py_amqp)]


def test_what_harms_nobody_stays_as_it_is() -> None:
    """Either library sends it as it came."""
    assert resending.headers(KEPT) == KEPT
    assert sent(KEPT) == [KEPT, KEPT]


@pytest.mark.parametrize(
    ("value", "seen"), [(2**63, str(2**63)), (1.5, "1.5"), (Decimal("0.1"), "0.1")]
)
def test_what_no_client_can_send_becomes_text(value: Any, seen: str) -> None:
    """On its own, and within others."""
    assert resending.headers({"x": value, "y": [{"z": value}]}) == {"x": seen, "y": [{"z": seen}]}


@pytest.mark.parametrize("name", ["CC", "BCC", "n" * 256, "ü" * 128])
def test_what_routes_or_is_too_long_is_named_only(name: str) -> None:
    """So a reader of the dead letter knows that it was there."""
    assert resending.headers({name: ["x"], "a": "b"}) == {"a": "b", LOST: name[:255]}


def test_a_long_name_within_a_table_loses_the_header() -> None:
    """The others stay."""
    assert resending.headers({"x": [{"n" * 256: 1}], "a": "b"}) == {"a": "b", LOST: "x"}


def test_the_largest_are_lost_where_a_frame_has_no_room() -> None:
    """The rest fits, with either library's encoder."""
    given = {"huge": [1] * 60_000, "large": "x" * 60_000, "larger": "x" * 60_001, "small": "x"}
    kept = resending.headers(given)
    assert kept == {"small": "x", "large": "x" * 60_000, LOST: "huge, larger"}


def test_the_brokers_headers_do_not_travel_again() -> None:
    """With its own headers, the broker would find a cycle."""
    assert resending.headers({"x-death": [], "x-delivery-count": 3, "a": 1}) == {"a": 1}
    assert resending.headers(None) == {}


def test_properties_that_the_broker_acts_on_are_left_out() -> None:
    """Properties that describe the event stay, if they are short texts."""
    given: dict[str, Any] = {
        "message_id": "m",
        "type": "t" * 256,
        "timestamp": 2**64 - 1,
        "user_id": "guest",
        "expiration": "1",
        "reply_to": "amq.rabbitmq.reply-to",
        "priority": 9,
        "content_type": None,
    }
    assert resending.properties(given) == {"message_id": "m", "timestamp": 2**64 - 1}


def test_either_library_sends_what_strangers_wrote() -> None:
    """Each of 2,000 messages can be sent by both, within a frame, with the same content."""
    stranger = Stranger(2, an_event)
    for _ in range(2_000):
        found = read_properties(stranger.message()[0].raw)
        headers = resending.headers(found["headers"])
        by_pika, by_py_amqp = sent(headers)
        assert by_pika.keys() == by_py_amqp.keys() == headers.keys()
        assert resending.size(headers) < 2 * resending.ROOM
        Message(b"", **resending.properties(found))._serialize_properties()
