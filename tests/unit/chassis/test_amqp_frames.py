"""A publication's frames are those that pika would send."""

from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec

from chassis.messaging.amqp_frames import Publications

SHORT = st.text(max_size=60)
LARGEST = 16


def by_pika(
    channel: int, kind: str, event_id: str, made_at: int, headers: dict[str, str], body: bytes
) -> bytes:
    """The same publication, each frame by pika."""
    publish = spec.Basic.Publish(exchange="tandem", routing_key=kind, mandatory=True)
    properties = pika.BasicProperties(
        content_type="application/json",
        headers=headers,
        delivery_mode=2,
        message_id=event_id,
        timestamp=made_at,
        type=kind,
    )
    parts = [body[start : start + LARGEST] for start in range(0, len(body), LARGEST)]
    frames = [
        frame.Method(channel, publish),
        frame.Header(channel, len(body), properties),
        *(frame.Body(channel, part) for part in parts),
    ]
    return b"".join(each.marshal() for each in frames)


@given(
    kind=SHORT,
    event_id=SHORT,
    made_at=st.integers(0, 2**64 - 1),
    headers=st.dictionaries(SHORT, st.text()),
    body=st.binary(max_size=3 * LARGEST),
    channel=st.integers(1, 2**16 - 1),
)
def test_its_bytes_are_pikas(channel: int, **event: Any) -> None:
    """For texts, numbers and bodies of all kinds; also the second time, when names are known."""
    publications = Publications(channel, "tandem", LARGEST)
    expected = by_pika(channel, **event)
    assert publications.write(**event) == expected
    assert publications.write(**event) == expected


@pytest.mark.parametrize(
    "fields",
    [
        ("k" * 256, "id", {}),
        ("kind", "i" * 256, {}),
        ("kind", "id", {"n" * 256: ""}),
    ],
)
def test_a_text_that_no_frame_holds_is_refused(fields: Any) -> None:
    """A short text has 255 bytes at the most."""
    kind, event_id, headers = fields
    with pytest.raises(ValueError, match="255 bytes"):
        Publications(1, "tandem", LARGEST).write(kind, event_id, 0, headers, b"")
