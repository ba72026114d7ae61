"""One stream of a member: what is due to it next, and why it ends."""

import asyncio
import math
import time
from collections.abc import Iterable

from tandem.sessions.v1 import live_pb2

from chassis.edge.auth import Identity
from chassis.edge.statuses import DatabaseAway
from services.sessions import metrics
from services.sessions.domain.live_channel import Standing
from services.sessions.live.classroom import Classroom
from services.sessions.live.connection import Connection, TooSlow
from services.sessions.live.frames import Frame, ended, entry_frame
from services.sessions.live.log_reader import LogReader

Reason = live_pb2.EndReason
# Entries that are sent between two looks at what else is due.
AT_ONCE = 32
# Older entries that are read at once: each member that reads them holds so many in memory.
OLDER = 50
# Seconds for which a member that had all may be behind the tail.
LATE = 5.0
# Reasons for which nothing more may be sent.
REVOKED = (Reason.END_REASON_NOT_ALLOWED, Reason.END_REASON_EXPIRED)
# Reasons for which a stream ends before what is due is sent: the member goes on elsewhere, or may
# not. When a class is over nobody can join it again, so what is due comes first.
ENDS_NOW = (*REVOKED, Reason.END_REASON_STOPPING)
# Seconds between two attempts to read from a database that is away.
PAUSE = 1.0


class Member:
    """A member's stream. `run` sends what is due until the stream is to end."""

    def __init__(
        self, connection: Connection, identity: Identity, standing: Standing, position: int
    ) -> None:
        self._connection, self.identity = connection, identity
        self.person_id, self.standing = identity.principal.subject, standing
        self.position = position
        self._revision = 0
        self._late_at: float | None = math.inf
        """When it reads too slowly, if it does not catch up before; None: it had got all. Who joins
        may take any time to get all."""
        self._reason: live_pb2.EndReason.ValueType = Reason.END_REASON_UNSPECIFIED
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is news."""
        self._woken.set()

    def end(self, reason: "live_pb2.EndReason.ValueType") -> None:
        """End the stream, at once or after what is due. The first reason counts, unless another one
        revokes what the member may see.
        """
        if not self._reason or reason in REVOKED:
            self._reason = reason
        self.wake()

    def see_time(self, now: float) -> None:
        """End the stream if the token has expired (Unix seconds)."""
        if now > self.identity.until:
            self.end(Reason.END_REASON_EXPIRED)

    async def run(self, classroom: Classroom, reader: LogReader) -> None:
        """Send entries and latest values. Raises Gone, and TooSlow."""
        while not self._ends_now:
            self._woken.clear()
            ending = self._reason
            if not await self._caught_up(classroom, reader):
                continue
            frames = classroom.after(self.position, AT_ONCE)
            await self._send_entries(frames)
            await self._send_news(classroom)
            if len(frames) == AT_ONCE or (self._woken.is_set() and not ending):
                continue
            if ending:
                break
            self._late_at = None
            await self._woken.wait()
        await self._tell_end()

    @property
    def _ends_now(self) -> bool:
        """Whether nothing more is sent but the end."""
        return self._reason in ENDS_NOW

    async def _caught_up(self, classroom: Classroom, reader: LogReader) -> bool:
        """Return whether the next entry is in the tail; if not, send older ones. Who has fallen out
        of the tail, and not by a burst just now, reads too slowly.
        """
        if classroom.holds(self.position):
            return True
        now = time.monotonic()
        self._late_at = now + LATE if self._late_at is None else self._late_at
        if now > self._late_at:
            await self._tell_end(Reason.END_REASON_BEHIND)
            raise TooSlow
        await self._read(classroom, reader)
        return False

    async def _read(self, classroom: Classroom, reader: LogReader) -> None:
        """Send entries that are older than the tail; a database that is away delays them."""
        try:
            found = await reader.known_after(classroom.session_id, self.position, OLDER)
        except DatabaseAway:
            await asyncio.sleep(PAUSE)
            return
        entries = [each for each in found if each.number <= classroom.newest]
        for each in entries:
            if self._ends_now:
                return
            await self._connection.send(self._seen(entry_frame(each)))
            self.position = each.number
        if not entries:  # what is missing is gone
            self.position = classroom.newest

    async def _send_entries(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if self._ends_now:
                return
            await self._connection.send(self._seen(frame))
            self.position += 1
            metrics.LIVE_LAG.observe(time.monotonic() - frame.made_at)

    def _seen(self, frame: Frame) -> Frame:
        return frame.seen_by(self.person_id, self.standing.is_staff)

    async def _send_news(self, classroom: Classroom) -> None:
        news = [*classroom.news(self._revision, self.standing.is_staff)]
        self._revision = classroom.revision
        for frame in news:
            await self._connection.send(frame)

    async def _tell_end(self, reason: "live_pb2.EndReason.ValueType | None" = None) -> None:
        reason = reason or self._reason
        name = Reason.Name(reason).removeprefix("END_REASON_").lower()
        metrics.LIVE_ENDED.labels(name).inc()
        await self._connection.send(ended(reason, self.position))
