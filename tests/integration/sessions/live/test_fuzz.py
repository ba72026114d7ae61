"""Whatever a member sends, others are not hurt, and the replica goes on."""

import contextlib
import json
from itertools import count
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.sessions.v1 import live_pb2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from services.sessions.live import limits
from tests.deep import DEEP
from tests.integration.processes import PATIENCE
from tests.integration.sessions.live.replicas import LiveSchool, Member, Replica, Request

TEXTS = st.text(max_size=50)
FIELDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([each.name for each in Request.DESCRIPTOR.fields]) | TEXTS
PRINTABLE = TEXTS.filter(lambda text: text.isprintable())
COMMANDS = st.builds(
    lambda text, raised: Request(
        request_id=text[:64],
        send_chat=live_pb2.SendChatRequest(text=text),
        move_hand=live_pb2.MoveHandRequest(raised=raised),
    ),
    PRINTABLE,
    st.booleans(),
) | st.builds(
    lambda name, texts: json_format.ParseDict({name: texts}, Request(), ignore_unknown_fields=True),
    st.sampled_from([each.name for each in Request.DESCRIPTOR.fields if each.message_type]),
    st.dictionaries(
        st.sampled_from(["text", "question_id", "poll_id", "person_id", "learner_id", "reason"]),
        PRINTABLE,
    ),
)
FRAMES = (
    st.binary(max_size=200)
    | TEXTS
    | st.dictionaries(NAMES, FIELDS, max_size=3).map(json.dumps)
    | COMMANDS.map(lambda each: each.SerializeToString())
    | COMMANDS.map(json_format.MessageToJson)
)
_numbers = count()


@pytest.fixture
def replica(live: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> Replica:
    """A replica on which nobody is told to wait."""
    monkeypatch.setattr(limits, "COMMANDS_AT_ONCE", 1e9)
    monkeypatch.setattr(limits, "BYTES_AT_ONCE", 1e9)
    return live.replica()


@pytest.fixture
def bea(live: LiveSchool, replica: Replica) -> Member:
    """A member who only wants to talk."""
    return live.member(replica, "bea").joined()


@settings(
    max_examples=200 if DEEP else 15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, max_size=8), joins=st.booleans())
def test_frames(
    live: LiveSchool, replica: Replica, bea: Member, frames: list[Any], joins: bool
) -> None:
    """Any bytes and texts, before and after `join`, leave the replica and other members well."""
    url = f"ws://127.0.0.1:{replica.http_port}/live"
    protocols: Any = ["bearer", live.token("ada")]
    with connect(url, subprotocols=protocols) as socket, contextlib.suppress(ConnectionClosed):
        if joins:
            socket.send(json.dumps({"join": {"sessionId": live.session_id}}))
        for frame in frames:
            with contextlib.suppress(UnicodeEncodeError):
                socket.send(frame)
        socket.send(json.dumps({"requestId": "last", "ping": {}}))
        while '"pong"' not in str(socket.recv(PATIENCE)):
            pass
    text = f"well {next(_numbers)}"
    bea.chat(text)
    bea.wait(lambda it: text in it.texts(), text)
