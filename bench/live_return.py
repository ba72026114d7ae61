"""Members of a class on two replicas, of which one is killed, in a process of their own.

`python -m bench.live_return FILE RATE` prints "joined", and, when half of the members have lost
their streams and all are back, a line of JSON: how many seconds passed from the first lost stream
until all were back on the other replica, until all had every entry, and how many were missing. One
who stays writes RATE times a second. FILE has the members: [[target, session, token], ...].
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from tandem.sessions.v1 import live_pb2

from bench.live_members import ATTEND, OF_CHANNEL

# Seconds: a client waits for a random part of it before it joins again, as the README says.
JITTER = 2.0
# Seconds in which all must be back.
PATIENCE = 120.0
AT_ONCE = 50


class Member:
    """A member that joins the other replica when its stream ends."""

    def __init__(self, channels: Sequence[Any], session_id: str, token: str) -> None:
        self._channels, self._session_id, self._token = [*channels], session_id, token
        self.numbers: list[int] = []
        self.lost_at = self.back_at = 0.0

    async def join(self) -> None:
        """Join after the last entry that has come, and receive from now on."""
        call: Any = self._channels[0].stream_stream(ATTEND)
        self._call = call(metadata=(("authorization", f"Bearer {self._token}"),))
        after = self.numbers[-1] if self.numbers else 0
        join = live_pb2.JoinRequest(session_id=self._session_id, after=after)
        await self._call.write(live_pb2.AttendRequest(join=join).SerializeToString())
        if await self._call.read() is grpc.aio.EOF:
            raise ConnectionError(await self._call.details())
        self._receiving = asyncio.create_task(self._receive())

    async def write(self, number: int) -> None:
        """Write in the chat."""
        chat = live_pb2.SendChatRequest(text=str(number))
        said = live_pb2.AttendRequest(request_id=str(number), send_chat=chat)
        await self._call.write(said.SerializeToString())

    async def _receive(self) -> None:
        try:
            while (raw := await self._call.read()) is not grpc.aio.EOF:
                got = live_pb2.AttendResponse.FromString(raw)
                if got.HasField("entry"):
                    self.numbers.append(got.entry.number)
        except grpc.RpcError:
            pass
        self.lost_at = time.monotonic()
        self._channels.reverse()
        await self._come_back()

    async def _come_back(self) -> None:
        while not self.back_at:
            await asyncio.sleep(random.random() * JITTER)
            try:
                await self.join()
            except (grpc.RpcError, ConnectionError, asyncio.InvalidStateError):
                continue
            self.back_at = time.monotonic()


async def measure(rows: Sequence[tuple[str, str, str]], rate: float) -> Any:
    """Join, tell it, and wait until half of the members were lost and all are back."""
    targets = sorted({target for target, _, _ in rows})
    members = []
    for place, (target, session_id, token) in enumerate(rows):
        order = sorted(targets, key=lambda each, own=target: each != own)  # type: ignore[misc]
        options = [("grpc.channel_args_id", place // OF_CHANNEL)]
        channels = [grpc.aio.insecure_channel(each, options) for each in order]
        members.append(Member(channels, session_id, token))
    for first in range(0, len(members), AT_ONCE):
        await asyncio.gather(*(each.join() for each in members[first : first + AT_ONCE]))
    print("joined", flush=True)
    return await _back(members, rate)


async def _back(members: Sequence[Member], rate: float) -> dict[str, Any]:
    """One of the last members, who are on the replica that stays, writes meanwhile."""
    moving, stays, written = members[: len(members) // 2], members[-1], 0
    end = time.monotonic() + PATIENCE
    while not all(each.back_at for each in moving) and time.monotonic() < end:
        written += 1
        await stays.write(written)
        await asyncio.sleep(1 / rate)
    while any(len(each.numbers) < written for each in members) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    first = min(each.lost_at for each in moving)
    wrong = [each for each in members if each.numbers != [*range(1, written + 1)]]
    back = max(each.back_at for each in moving) - first
    return {"back": back, "all": time.monotonic() - first, "wrong": len(wrong)}


if __name__ == "__main__":
    file, often = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(json.loads(Path(file).read_text()), float(often)))))
