"""Members of classes, in a process of their own: what is measured is the server.

`python -m bench.live_members FILE RATE SECONDS` prints a line of JSON: how many milliseconds passed
from when a member wrote to when each member of the class had it, and how many did not get it. FILE
has the members: [[target, session, token], ...].
"""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Any

import grpc
from tandem.sessions.v1 import live_pb2

ATTEND = "/tandem.sessions.v1.LiveService/Attend"
# Members of one HTTP/2 connection; a device has one of its own, and this saves sockets only.
OF_CHANNEL = 50
# Members that join at once.
AT_ONCE = 50
# Seconds in which the last messages must come.
PATIENCE = 30.0


class Member:
    """A member's stream."""

    def __init__(self, channel: grpc.aio.Channel, session_id: str, token: str) -> None:
        self.session_id = session_id
        self.waits: list[int] = []
        self._channel, self._token = channel, token

    async def join(self) -> None:
        """Join the class at its end, and receive from now on."""
        call: Any = self._channel.stream_stream(ATTEND)
        self._call = call(metadata=(("authorization", f"Bearer {self._token}"),))
        join = live_pb2.JoinRequest(session_id=self.session_id, after=2**40)
        try:
            await self._call.write(live_pb2.AttendRequest(join=join).SerializeToString())
            raw = await self._call.read()
        except asyncio.InvalidStateError:
            raw = grpc.aio.EOF
        if raw is grpc.aio.EOF:
            raise SystemExit(f"{await self._call.code()}: {await self._call.details()}")
        self._receiving = asyncio.create_task(self._receive())

    async def write(self) -> None:
        """Write the time."""
        now = str(time.monotonic_ns())
        said = live_pb2.AttendRequest(request_id=now, send_chat=live_pb2.SendChatRequest(text=now))
        await self._call.write(said.SerializeToString())

    def leave(self) -> None:
        """End the stream."""
        self._receiving.cancel()
        self._call.cancel()

    async def _receive(self) -> None:
        while (raw := await self._call.read()) is not grpc.aio.EOF:
            got = live_pb2.AttendResponse.FromString(raw)
            if got.HasField("entry"):
                self.waits.append(time.monotonic_ns() - int(got.entry.chat.text))
            elif got.HasField("refused"):
                raise SystemExit(got.refused.message)


async def measure(rows: Sequence[tuple[str, str, str]], rate: float, seconds: float) -> Any:
    """Let one member of each class after the other write, `rate` times a second in each class."""
    members = []
    for first in range(0, len(rows), OF_CHANNEL):
        for target, session_id, token in rows[first : first + OF_CHANNEL]:
            options = [("grpc.channel_args_id", first)]
            channel = grpc.aio.insecure_channel(target, options)
            members.append(Member(channel, session_id, token))
    for first in range(0, len(members), AT_ONCE):
        await asyncio.gather(*(each.join() for each in members[first : first + AT_ONCE]))
    classes: dict[str, list[Member]] = defaultdict(list)
    for each in members:
        classes[each.session_id].append(each)
    writers = [cycle(each) for each in classes.values()]
    count = max(10, int(rate * seconds))
    began = time.monotonic()
    for number in range(count):
        for place, writer in enumerate(writers):
            due = began + (number + place / len(writers)) / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await next(writer).write()
    took = time.monotonic() - began
    return await _waits(members, count) | {"rate": round(count / took, 2)}


async def _waits(members: Sequence[Member], count: int) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while any(len(each.waits) < count for each in members) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    waits = [wait / 1e6 for each in members for wait in each.waits]
    cuts = quantiles(waits, n=100)
    missing = count * len(members) - len(waits)
    for each in members:
        each.leave()
    return {"p50": cuts[49], "p99": cuts[98], "worst": max(waits), "missing": missing}


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(asyncio.run(measure(found, float(sys.argv[2]), float(sys.argv[3])))))
