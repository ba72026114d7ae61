"""The live channel by WebSocket (RFC 6455), for browsers, at /live.

Messages are those of gRPC: as protobuf's JSON in text frames, or as bytes in binary frames; answers
have the form of the first message. Browsers can't set the header `Authorization`; they send the
token as a second subprotocol after `bearer`, or in the first message, `authorize`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import uvicorn
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chassis import ids
from chassis.edge.auth import Unauthenticated
from chassis.edge.http.server import HEADERS_WITHIN, WAITING_CONNECTIONS, Protocol, bound
from chassis.edge.statuses import Malformed, status_of
from chassis.operations import ops
from services.sessions.live.channel import JOINS_WITHIN, Channel
from services.sessions.live.commands import refused
from services.sessions.live.connection import NO_MESSAGE, BadFrame, Connection, Gone, TooSlow
from services.sessions.live.frames import Frame, Request
from services.sessions.live.limits import LARGEST, UNKNOWN

PATH = "/live"
BEARER = "bearer"
# Close codes (RFC 6455, section 7.4): for the platform's own errors those from 4000 on are free;
# 4000 + the number of a google.rpc.Code.
NORMAL, OWN = 1000, 4000
# Seconds between two pings, and until the answer.
PING, PONG = 20.0, 20.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol that reads nothing from who does not read: so a flood of pings fills no
    memory with pongs.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_state = {**self.app_state, "abort": self._abort}

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def _abort(self) -> None:
        self.transport.abort()


class SocketConnection(Connection):
    """A stream by WebSocket."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self._socket, self._as_text = socket, True
        self._begun = False

    async def receive(self) -> tuple[Request, int]:
        """Return the next message, and its bytes. Raises Gone and BadFrame."""
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise Gone
        text, raw = message.get("text"), message.get("bytes")
        if not self._begun:
            self._as_text, self._begun = text is not None, True
        try:
            if text is not None:
                return _parsed(text), len(text.encode())
            return Request.FromString(raw or b""), len(raw or b"")
        except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
            raise BadFrame(NO_MESSAGE) from error

    async def _write(self, frame: Frame) -> None:
        try:
            if self._as_text:
                await self._socket.send_text(frame.text)
            else:
                await self._socket.send_bytes(frame.binary)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error


class SocketEdge:
    """The HTTP server: the WebSocket, and readiness."""

    def __init__(
        self, address: str, channel: Channel, ready: ops.Ready, origins: str, most: int
    ) -> None:
        """`most`: streams. Raises OSError if the address is in use."""
        self._most, self._open = most + UNKNOWN, 0
        self._channel, self._origins = channel, set(filter(None, origins.split(",")))
        self._socket = bound(address)
        self.port: int = self._socket.getsockname()[1]
        routes = [Route("/ready", _readiness(ready)), WebSocketRoute(PATH, self._attend)]
        self._server = _Server(
            uvicorn.Config(
                Starlette(routes=routes),
                http=Protocol,
                ws=SocketProtocol,
                ws_max_size=LARGEST,
                ws_ping_interval=PING,
                ws_ping_timeout=PONG,
                ws_per_message_deflate=False,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=int(HEADERS_WITHIN),
                backlog=WAITING_CONNECTIONS,
            )
        )
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Accept connections from now on."""
        self._socket.listen(WAITING_CONNECTIONS)
        self._running = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """Close all connections; streams have ended before."""
        self._server.should_exit = self._server.force_exit = True
        if self._running is not None:
            await self._running
        self._socket.close()

    async def _attend(self, socket: WebSocket) -> None:
        if self._open >= self._most or not self._is_ours(socket):
            await socket.close()  # before it is accepted: 403
            return
        self._open += 1
        try:
            await self._accepted(socket)
        finally:
            self._open -= 1

    async def _accepted(self, socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(BEARER if offered[:1] == [BEARER] else None)
        connection = SocketConnection(socket)
        try:
            authorization = _authorization(socket) or await _authorized(connection)
            await self._channel.attend(connection, authorization)
            await _close(socket, NORMAL, "")
        except Gone:
            pass
        except TooSlow:
            socket.scope["state"]["abort"]()  # a close would wait, as the message does
        except Exception as error:
            await _refuse(socket, connection, error)

    def _is_ours(self, socket: WebSocket) -> bool:
        """Whether a page that may call opens it, or no page (RFC 6455, section 10.2)."""
        origin = socket.headers.get("origin", "")
        own = f"//{socket.headers.get('host', '')}"
        return not origin or origin in self._origins or origin.endswith(own)


class _Server(uvicorn.Server):
    """Leaves signals to the role."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def _authorized(connection: SocketConnection) -> str:
    """Return what the first message, `authorize`, says. Raises Unauthenticated, Malformed, BadFrame
    and Gone.
    """
    try:
        async with asyncio.timeout(JOINS_WITHIN):
            frame, _ = await connection.receive()
    except TimeoutError as error:
        raise Malformed(f"no message came within {JOINS_WITHIN:g} s") from error
    if frame.WhichOneof("what") != "authorize":
        raise Unauthenticated("no token; the first message must be `authorize`")
    return f"Bearer {frame.authorize.token}"


def _authorization(socket: WebSocket) -> str:
    """Return what the header or the subprotocols say; empty if neither does."""
    match socket.scope.get("subprotocols", []):
        case [name, token, *_] if name == BEARER:
            return f"Bearer {token}"
    return str(socket.headers.get("authorization", ""))


async def _refuse(socket: WebSocket, connection: SocketConnection, error: Exception) -> None:
    """Tell why there is no stream, and close it."""
    status = status_of(error, ids.new_id())
    with contextlib.suppress(Gone, TooSlow):
        await connection.send(Frame(refused("", error)))
    await _close(socket, OWN + status.code, status.message[:120])


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(PONG):
            # A reason has at most 123 bytes (RFC 6455, section 5.5).
            await socket.close(code, reason.encode()[:120].decode(errors="ignore"))


def _parsed(text: str) -> Request:
    return json_format.Parse(text, Request(), ignore_unknown_fields=True)


def _readiness(ready: ops.Ready) -> Callable[[HttpRequest], HttpResponse]:
    def answer(_: HttpRequest) -> HttpResponse:
        status, kind, body = ops.readiness(ready)
        return HttpResponse(body, status, media_type=kind)

    return answer
