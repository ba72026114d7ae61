"""The kit's events, read from messages."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.catalog.v1 import events_pb2
from tandem_events import Event, UnreadableError, read

from chassis.contracts import events
from tests.integration.chassis.bus import an_event

HEADERS = events.headers_of(an_event("e1", "ada", sequence=7))
BODY = events.body_of(an_event("e1", "ada").data)


def test_an_event_of_a_relay_is_read() -> None:
    """The attributes and the body are what the publisher gave; a message of the contracts takes
    it, without fields that it does not know.
    """
    event = read(HEADERS, BODY)
    assert (event.id, event.type) == (HEADERS["cloudEvents_id"], HEADERS["cloudEvents_type"])
    assert (event.source, event.subject, event.partition_key) == ("/tandem/catalog", "e1", "run")
    assert (event.sequence, event.time) == (7, datetime(2026, 3, 2, 8, tzinfo=UTC))
    assert event.data == {"enrolmentId": "e1", "runId": "run", "learnerId": "ada"}
    newer = replace(event, data={**event.data, "fieldOfTomorrow": 1})
    assert newer.parse_into(events_pb2.EnrolmentWithdrawn()).learner_id == "ada"


def test_a_type_without_sequence_has_none() -> None:
    """The header is absent then."""
    rest = {name: value for name, value in HEADERS.items() if name != "cloudEvents_sequence"}
    assert read(rest, BODY).sequence is None


def test_all_faults_are_told() -> None:
    """Each header that is missing or wrong, and the body."""
    headers: dict[str, Any] = {
        "cloudEvents_id": 7,
        "cloudEvents_type": "",
        "cloudEvents_time": "noon",
        "cloudEvents_sequence": "second",
    }
    with pytest.raises(UnreadableError) as raised:
        read(headers, b"[")
    for part in (
        "_id is 7",
        "_type is missing",
        "_source is missing",
        "_time",
        "_sequence",
        "no JSON",
    ):
        assert part in str(raised.value)


@given(
    st.none()
    | st.dictionaries(
        st.sampled_from([*HEADERS, "other"]),
        st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()), st.binary()),
    ),
    st.one_of(st.binary(), st.just(BODY), st.just(b"[" * 100_000), st.just(b"null")),
)
def test_a_message_is_an_event_or_unreadable(headers: Any, body: bytes) -> None:
    """Nothing else is raised, whatever the message has."""
    with suppress(UnreadableError):
        assert isinstance(read(headers, body), Event)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", str(2**63), "\u0663", "9" * 5_000])
def test_a_sequence_is_a_number_that_databases_take(number: str) -> None:
    """From 1 to 2^63 - 1, in ASCII digits."""
    with pytest.raises(UnreadableError, match="_sequence can't be read"):
        read({**HEADERS, "cloudEvents_sequence": number}, BODY)


def test_a_time_has_an_offset() -> None:
    """Otherwise nobody knows the instant."""
    with pytest.raises(UnreadableError, match="no offset"):
        read({**HEADERS, "cloudEvents_time": "2026-03-02T08:00:00"}, BODY)
