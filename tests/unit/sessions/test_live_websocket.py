"""What counts as the size of a message by WebSocket."""

import asyncio
from typing import Any

import pytest
from google.protobuf import json_format
from starlette.websockets import WebSocket
from tandem.sessions.v1 import live_pb2

from services.sessions.live.frames import Request
from services.sessions.live.websocket import SocketConnection

ASKED = Request(request_id="1", send_chat=live_pb2.SendChatRequest(text="Größe: 大きさ"))
TEXT = json_format.MessageToJson(ASKED, ensure_ascii=False)
BINARY = ASKED.SerializeToString()


def connection(message: dict[str, Any]) -> SocketConnection:
    """A connection on which a message comes."""

    async def receive() -> dict[str, Any]:
        return message

    async def send(_: Any) -> None:
        raise AssertionError("nothing is sent")

    socket = WebSocket({"type": "websocket", "headers": []}, receive, send)
    socket.client_state = socket.client_state.CONNECTED
    return SocketConnection(socket)


@pytest.mark.parametrize(
    ("message", "size"),
    [({"text": TEXT}, len(TEXT.encode())), ({"bytes": BINARY}, len(BINARY))],
)
def test_a_message_counts_as_its_bytes(message: dict[str, Any], size: int) -> None:
    """A text, too: in most scripts a character takes several."""
    told = {"type": "websocket.receive", **message}
    assert asyncio.run(connection(told).receive()) == (ASKED, size)
