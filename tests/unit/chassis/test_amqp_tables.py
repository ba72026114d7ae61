"""Properties and tables are read whatever their bytes are."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from amqp.serialization import GenericContent  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.amqp_tables import DEEPEST, UNREADABLE, read_properties
from chassis.messaging import amqp_kombu, amqp_pika
from tests.strangers import (
    MILLISECONDS,
    Field,
    Stranger,
    array,
    long,
    nested,
    number,
    packed,
    properties,
    short,
    table,
    text,
    timestamp,
)
from tests.unit.chassis.test_events import an_event


def headers(*fields: tuple[str | bytes, Field]) -> dict[str, Any]:
    """What is read of a table with these fields."""
    return dict(read_properties(properties(fields).raw)["headers"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("t", b"\x01"), True),
        (number("b", ">b", -7), -7),
        (number("B", ">B", 200), 200),
        (number("s", ">h", -700), -700),
        (number("U", ">h", -700), -700),
        (number("u", ">H", 60_000), 60_000),
        (number("I", ">i", -70_000), -70_000),
        (number("i", ">I", 2**32 - 1), 2**32 - 1),
        (number("l", ">q", -(2**63)), -(2**63)),
        (number("L", ">q", 2**63 - 1), 2**63 - 1),
        (number("f", ">f", 1.5), 1.5),
        (number("d", ">d", -1e300), -1e300),
        (number("d", ">d", float("inf")), float("inf")),
        (("D", b"\x02" + struct.pack(">i", -12345)), Decimal("-123.45")),
        (("D", b"\xff" + struct.pack(">i", 1)), Decimal("1E-255")),
        (text("grüße"), "grüße"),
        (text(b"\xff\x00"), b"\xff\x00"),
        (("x", long(b"abc")), b"abc"),
        (timestamp(1_772_438_400), datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (timestamp(MILLISECONDS), MILLISECONDS),
        (timestamp(2**64 - 1), 2**64 - 1),
        (("V", b""), None),
        (array([("V", b""), text("a")]), [None, "a"]),
        (table([("a", text("b"))]), {"a": "b"}),
    ],
)
def test_every_type_has_a_value(field: Field, value: Any) -> None:
    """Each letter of the specification and of RabbitMQ's errata, at its extremes."""
    assert headers(("x", field), ("after", text("it"))) == {"x": value, "after": "it"}


@pytest.mark.parametrize("letter", "AF")
@pytest.mark.parametrize("depth", [1, DEEPEST, DEEPEST + 1, 5_000])
def test_what_is_nested_too_deep_stays_bytes(letter: str, depth: int) -> None:
    """However deep, the fields after it are read."""
    found = headers(("deep", nested(depth, letter)), ("after", text("it")))
    assert found["after"] == "it"
    value, levels = found["deep"], 0
    while isinstance(value, list | dict):
        value, levels = (value["x"] if isinstance(value, dict) else value[0]), levels + 1
    assert (levels, type(value)) == ((depth, type(None)) if depth <= DEEPEST else (DEEPEST, bytes))


def test_names_are_text() -> None:
    """A name that is no UTF-8 is shown as bytes."""
    assert headers((b"\xffa", text("1"))) == {"\\xffa": "1"}


def test_of_what_stands_twice_no_value_is_believed() -> None:
    """One of them may be the broker's; in a table within, the last counts."""
    both = [("b", text("2")), ("b", text("3"))]
    assert headers(("a", table(both)), *both) == {"a": {"b": "3"}, UNREADABLE: "more than once: b"}


def test_a_table_that_ends_too_early_is_read_so_far() -> None:
    """Fields before the error and properties after the table are kept; the error is reported."""
    broken = long(short("a") + packed(text("b")) + short("c") + b"?rest")
    raw = struct.pack(">H", 0x2080) + broken + short("id")
    found = read_properties(raw)
    assert found["message_id"] == "id"
    assert found["headers"]["a"] == "b"
    assert found["headers"][UNREADABLE] == "after 1 headers: no type has the letter b'?'"


def test_properties_that_end_too_early_say_so() -> None:
    """The properties before the end are kept."""
    found = read_properties(struct.pack(">H", 0x8080) + short("text/plain") + b"\x09id")
    assert found["content_type"] == "text/plain"
    assert "properties: a text ends 7 bytes after the end" in found["headers"][UNREADABLE]


@given(st.binary(max_size=400))
def test_any_bytes_are_read(raw: bytes) -> None:
    """Nothing is raised, by either library's way in."""
    read_properties(raw)
    amqp_pika.Properties().decode(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_a_table(raw: bytes) -> None:
    """The table's length is right, and what is in it is anything."""
    found = read_properties(struct.pack(">H", 0x2080) + long(raw) + short("id"))
    assert found["message_id"] == "id"


def test_what_strangers_write_is_read_whole() -> None:
    """All headers of 2,000 well-formed messages are read, the same by both libraries."""
    amqp_kombu.connection("amqp://nobody:no@127.0.0.1:1/")
    stranger = Stranger(1, an_event)
    for _ in range(2_000):
        given, _body = stranger.message()
        found = read_properties(given.raw)
        by_pika, by_py_amqp = amqp_pika.Properties().decode(given.raw), GenericContent()
        by_py_amqp._load_properties(60, given.raw, 0)
        assert found["headers"] == by_pika.headers == by_py_amqp.application_headers
        assert not str(found["headers"].get(UNREADABLE)).startswith(("after", "properties"))


def delivery(exchange: bytes, key: bytes) -> bytes:
    """A delivery's arguments as py-amqp gets them."""
    return b"\0\x3c\0\x3c" + short("tag") + bytes(9) + short(exchange) + short(key)


@pytest.mark.parametrize("key", [b"", b"tandem.a.b", "grüße".encode() * 10])
def test_a_routing_key_of_text_stays(key: bytes) -> None:
    """Nothing is changed of what py-amqp reads."""
    assert amqp_kombu.readable(delivery(b"tandem.events", key)) == delivery(b"tandem.events", key)


@pytest.mark.parametrize(("key", "seen"), [(b"\xffa", b"\\xffa"), (b"\xff" * 255, b"\\xff" * 63)])
def test_a_routing_key_of_any_bytes_becomes_text(key: bytes, seen: bytes) -> None:
    """As long as a short string may be."""
    found = amqp_kombu.readable(delivery(b"tandem.events", key))
    assert found.startswith(delivery(b"tandem.events", b"")[:-1])
    assert found[len(delivery(b"tandem.events", b"")) :].startswith(seen)
