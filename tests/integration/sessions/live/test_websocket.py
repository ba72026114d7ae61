"""The live channel by WebSocket, beside gRPC."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tandem.sessions.v1 import live_pb2
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.integration.processes import PATIENCE
from tests.integration.sessions.live.replicas import LiveSchool, Replica, Request, Response

Socket = ClientConnection


@pytest.fixture
def replica(live: LiveSchool) -> Replica:
    """One replica, which pages of one origin may call."""
    return live.replica(http_origins="https://campus.example.edu")


@contextmanager
def opened(replica: Replica, **more: Any) -> Iterator[Socket]:
    """A WebSocket of a browser."""
    with connect(f"ws://127.0.0.1:{replica.http_port}/live", **more) as socket:
        yield socket


def receive(socket: Socket, what: str) -> Any:
    """The next message of one kind as JSON."""
    while True:
        found = json.loads(socket.recv(PATIENCE))
        if what in found:
            return found[what]


def join(live: LiveSchool, **more: Any) -> str:
    """The first message of a page."""
    return json.dumps({"join": {"sessionId": live.session_id, **more}})


def test_a_browser_talks_as_json(live: LiveSchool, replica: Replica) -> None:
    """A page with its token as a subprotocol talks with who is connected by gRPC."""
    bea = live.member(replica, "bea").joined()
    token = live.token("ada")
    with opened(replica, subprotocols=["bearer", token]) as socket:
        assert socket.subprotocol == "bearer"
        socket.send(join(live))
        assert receive(socket, "joined")["personId"] == "ada"
        socket.send(json.dumps({"requestId": "1", "sendChat": {"text": "Hello"}}))
        entry = receive(socket, "entry")
        assert (entry["number"], entry["chat"]["text"]) == ("1", "Hello")
        done = receive(socket, "done")
        assert done["requestId"] == "1"
        assert done["answer"]["number"] == "1"
        bea.wait(lambda it: it.texts() == ["Hello"])
        bea.hand(True)
        assert receive(socket, "entry")["hand"] == {"raised": True}


def test_the_token_comes_first(live: LiveSchool, replica: Replica) -> None:
    """A page may send its token in the first message; other clients in the header."""
    with opened(replica) as socket:
        socket.send(json.dumps({"authorize": {"token": live.token("ada")}}))
        socket.send(join(live))
        assert receive(socket, "joined")["personId"] == "ada"
    header = {"Authorization": f"Bearer {live.token('curie', 'instructor')}"}
    with opened(replica, additional_headers=header) as socket:
        socket.send(join(live))
        assert receive(socket, "joined")["isStaff"]


def test_binary_messages(live: LiveSchool, replica: Replica) -> None:
    """Who sends bytes of protobuf receives them."""
    with opened(replica, subprotocols=["bearer", live.token("ada")]) as socket:
        request = Request(join=live_pb2.JoinRequest(session_id=live.session_id))
        socket.send(request.SerializeToString())
        answer = socket.recv(PATIENCE)
        assert isinstance(answer, bytes)
        assert Response.FromString(answer).joined.person_id == "ada"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"join": {"sessionId": "none"}}', 4016),  # UNAUTHENTICATED: no token came
        ('{"authorize": {"token": "stolen"}}', 4016),
        ("{", 4003),  # INVALID_ARGUMENT
        ("[" * 60_000, 4003),
    ],
)
def test_refusals_tell_why(replica: Replica, first: str, code: int) -> None:
    """A stream that is refused tells why, in a message and by the code with which it is closed."""
    with opened(replica) as socket:
        socket.send(first)
        assert receive(socket, "refused")["message"]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_pages_of_strangers_are_refused(live: LiveSchool, replica: Replica) -> None:
    """A page of another origin can't open the channel; one of a named origin can."""
    with pytest.raises(InvalidStatus) as refused, opened(replica, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with opened(replica, origin="https://campus.example.edu"):
        pass


def test_too_large_messages_close_the_stream(live: LiveSchool, replica: Replica) -> None:
    """A message of more than 64 KiB closes its own stream, and no other."""
    bea = live.member(replica, "bea").joined()
    with opened(replica, subprotocols=["bearer", live.token("ada")]) as socket:
        socket.send(join(live))
        receive(socket, "joined")
        socket.send("x" * 70_000)
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket, "never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    bea.chat("Still here")
    bea.wait(lambda it: it.texts())
