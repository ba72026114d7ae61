"""Reads the votes of all classes with members here, about twice a second, and tells what changed.

So votes are told by whatever way they came. No vote writes for it, and replicas need not tell each
other. Reading has a thread of its own: a database that is slow or away delays tallies alone.
"""

import asyncio
import time

import pymongo

from chassis.data.store import Database
from services.sessions.live.rooms import Rooms
from services.sessions.store import SessionsStore
from services.sessions.usecases.tallies import LiveTally, live_tallies

# Seconds between two reads, and the most.
PAUSE, LONGEST_PAUSE = 0.5, 5.0
# A pause is so many times as long as the read before it, so that reading takes little of the time.
SHARE = 9
# Seconds in which a read must end.
TIMEOUT = 5.0


class Tallies:
    """The votes in the classes of a replica."""

    def __init__(self, database: Database[SessionsStore], rooms: Rooms) -> None:
        self._database, self._rooms = database, rooms

    async def tell(self) -> float:
        """Read and tell; return the seconds to wait before the next time. Raises PyMongoError."""
        began = time.monotonic()
        if ids := [room.classroom.session_id for room in self._rooms.all()]:
            found = await asyncio.to_thread(self._read, ids)
            self._rooms.tell_tallies(ids, found)
        return pause_after(time.monotonic() - began)

    def _read(self, session_ids: list[str]) -> list[LiveTally]:
        """Read in a transaction: a poll that closes meanwhile has its votes elsewhere."""
        with pymongo.timeout(TIMEOUT):
            return self._database.transact(lambda store: live_tallies(store, session_ids))


def pause_after(seconds: float) -> float:
    """Return how long to wait after a read that took so long."""
    return min(max(PAUSE, SHARE * seconds), LONGEST_PAUSE)
