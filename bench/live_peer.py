"""A bare fan-out by grpc.aio: what is written on one stream is written to all of the class.

It has no database, no token, no number, no limit: `python -m bench.live_peer`, at
TANDEM_GRPC_ADDRESS.
"""

import asyncio
import contextlib
import os
from collections import defaultdict
from typing import Any

import grpc
from tandem.sessions.v1 import live_pb2

Response = live_pb2.AttendResponse
SERVICE = "tandem.sessions.v1.LiveService"

_classes: dict[str, set["asyncio.Queue[bytes]"]] = defaultdict(set)


async def attend(_: Any, context: Any) -> None:
    """Write to this stream what any stream of the class says."""
    join = live_pb2.AttendRequest.FromString(await context.read()).join
    await context.write(Response(joined=live_pb2.Joined()).SerializeToString())
    own: asyncio.Queue[bytes] = asyncio.Queue()
    _classes[join.session_id].add(own)
    writing = asyncio.create_task(_write(context, own))
    try:
        while (raw := await context.read()) is not grpc.aio.EOF:
            said = live_pb2.AttendRequest.FromString(raw).send_chat.text
            entry = live_pb2.ClassEntry(chat=live_pb2.ChatSent(text=said))
            message = Response(entry=entry).SerializeToString()
            for each in _classes[join.session_id]:
                each.put_nowait(message)
    finally:
        _classes[join.session_id].discard(own)
        writing.cancel()


async def _write(context: Any, own: "asyncio.Queue[bytes]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await context.write(await own.get())


async def serve() -> None:
    """Serve until it is killed."""
    server = grpc.aio.server()
    handler: Any = grpc.stream_stream_rpc_method_handler(attend)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Attend": handler}),)
    )
    server.add_insecure_port(os.environ["TANDEM_GRPC_ADDRESS"])
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
