"""Reads the body of an HTTP request."""

import asyncio
import time
from contextlib import suppress

from starlette.requests import Request

from chassis.edge.admission import Slot
from chassis.edge.bodies import POLL_INTERVAL, Body
from chassis.edge.pipeline import LARGEST_REQUEST
from chassis.edge.statuses import DeadlinePassed, TooLarge


class Reading:
    """Reads one body of up to `largest` bytes on the event loop. `ends` is the deadline on the
    monotonic clock.
    """

    def __init__(self, ends: float, largest: int = LARGEST_REQUEST) -> None:
        self._largest = largest
        self._ends, self._loop = ends, asyncio.get_running_loop()
        self._limit: asyncio.Timeout | None = None
        self._ended = False

    def seconds_left(self) -> float:
        """Return the seconds until the deadline."""
        return self._ends - time.monotonic()

    def end(self) -> None:
        """Stop the reading. Any thread may call this."""
        self._loop.call_soon_threadsafe(self._expire)

    async def room(self, slot: Slot) -> Body:
        """Wait for room for the body. Raises DeadlinePassed."""
        found = slot.try_room(self.end)
        if found is not None:
            return found
        has_room = asyncio.Event()
        body = slot.queue_room(self.end, lambda: self._loop.call_soon_threadsafe(has_room.set))
        try:
            while not has_room.is_set():
                body.look(self._ends)
                await _wait(has_room, POLL_INTERVAL)
        except BaseException:
            body.leave()
            raise
        return body

    async def read(self, request: Request, body: Body) -> bytes:
        """Return the whole body.

        Raises TooLarge, DeadlinePassed, ClientDisconnect, and Exhausted if it lost its room.
        """
        try:
            async with asyncio.timeout(self.seconds_left()) as self._limit:
                with body.reading():
                    return await self._gather(request)
        except TimeoutError as error:
            raise DeadlinePassed("the deadline passed before the request's body came") from error

    async def _gather(self, request: Request) -> bytes:
        parts, size = [], 0
        try:
            if self._ended:
                raise TimeoutError
            async for part in request.stream():
                size += len(part)
                if size > self._largest:
                    raise TooLarge(self._largest)
                parts.append(part)
        finally:
            self._limit = None
        return b"".join(parts)

    def _expire(self) -> None:
        self._ended = True
        if self._limit is not None:
            self._limit.reschedule(self._loop.time())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
