"""The live channel by gRPC: `LiveService.Attend`, with health and reflection, on asyncio."""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from chassis import ids
from chassis.edge.grpc.server import OPTIONS
from chassis.edge.statuses import code_of, status_of
from services.sessions import metrics
from services.sessions.live.channel import Channel
from services.sessions.live.connection import NO_MESSAGE, BadFrame, Connection, Gone, TooSlow
from services.sessions.live.frames import Frame, Request
from services.sessions.live.limits import LARGEST, UNKNOWN

SERVICE, METHOD = "tandem.sessions.v1.LiveService", "Attend"
WHOLE_SERVER = ""
BEHIND = "you receive too slowly; join again after the last entry that you have"


class GrpcConnection(Connection):
    """A stream by gRPC. Messages are bytes here: what many members get is encoded once."""

    def __init__(self, context: Any) -> None:
        super().__init__()
        self._context = context
        self.authorization = dict(context.invocation_metadata() or ()).get("authorization", "")

    async def receive(self) -> tuple[Request, int]:
        """Return the next message, and its bytes. Raises Gone and BadFrame."""
        raw = await self._context.read()
        if raw is grpc.aio.EOF:
            raise Gone
        try:
            return Request.FromString(raw), len(raw)
        except DecodeError as error:
            raise BadFrame(NO_MESSAGE) from error

    async def _write(self, frame: Frame) -> None:
        await self._context.write(frame.binary)


class GrpcEdge:
    """The gRPC server."""

    def __init__(self, address: str, channel: Channel, most: int) -> None:
        """`most`: streams. Raises RuntimeError if the address is in use."""
        self._channel = channel
        # The last one of an option counts.
        options = (*OPTIONS, *_OPTIONS, *_waiting(most + UNKNOWN))
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=most + UNKNOWN)
        handler: Any = grpc.stream_stream_rpc_method_handler(self._attend)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),)
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port: int = self._server.add_insecure_port(address)

    async def start(self) -> None:
        """Accept streams from now on."""
        await self._server.start()

    async def report(self, serving: bool) -> None:
        """Report whether it serves, by grpc.health.v1."""
        state = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for name in (WHOLE_SERVER, SERVICE):
            await self._health.set(name, state)

    async def stop(self, seconds: float) -> None:
        """Accept no new streams; cancel those that last longer."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(seconds)

    async def _attend(self, _: Any, context: Any) -> None:
        connection = GrpcConnection(context)
        try:
            await self._channel.attend(connection, connection.authorization)
        except Gone:
            return
        except TooSlow:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, BEHIND)
        except Exception as error:
            await _refuse(context, error)


async def _refuse(context: Any, error: Exception) -> None:
    status = status_of(error, ids.new_id())
    metrics.LIVE_REFUSED.labels(code_of(status)).inc()
    refused: Any = rpc_status.to_status(status)
    await context.abort(refused.code, refused.details, refused.trailing_metadata)


def _waiting(streams: int) -> Sequence[tuple[str, int]]:
    """Return the options by which so many streams may wait to be accepted: by default grpc drops
    some from 1,000 on, which can't join then when a large class begins.
    """
    name = "grpc.server.max_pending_requests"
    return ((name, streams), (f"{name}_hard_limit", streams))


_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", LARGEST),
    # A member whose network is gone is noticed, and its stream ends.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
