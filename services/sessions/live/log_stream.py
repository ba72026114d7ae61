"""What other roles add to the logs of classes, as soon as it is committed: a change stream.

It leaves out what the role `live` adds, of which replicas tell each other (exchange.py): so it
carries little, however much is said in classes. It has no resume token: it begins anew from now,
and what it missed the poll finds (rooms.py).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from chassis.data.uncancelled import uncancelled
from services.sessions.live.frames import Entry
from services.sessions.live.log_reader import entry_of
from services.sessions.store_class_log import IS_ANNOUNCED

Document = dict[str, Any]

OTHERS: list[Document] = [
    {"$match": {"operationType": "insert", f"fullDocument.{IS_ANNOUNCED}": {"$ne": True}}}
]
# Seconds until a stream that broke begins anew.
PAUSE = 1.0

log = structlog.get_logger()


class LogStream:
    """Hears of the entries of other roles. `hear`: called with each."""

    def __init__(self, class_log: AsyncCollection[Document], hear: Callable[[Entry], object]):
        self._class_log, self._hear = class_log, hear
        self._over = False
        self.is_open = False
        """Whether nothing that is committed from now on is missed."""

    async def run(self) -> None:
        """Hear until this is cancelled, and a second more at most."""
        try:
            while True:
                await self._hear_on()
                await asyncio.sleep(PAUSE)
        finally:
            self._over = True

    async def _hear_on(self) -> None:
        try:
            await self._follow()
        except PyMongoError as error:
            log.warning("entries of other roles come by the poll", why=str(error)[:200])
        except Exception:
            log.exception("an entry of another role can't be read")

    @uncancelled
    async def _follow(self) -> None:
        try:
            async with await self._class_log.watch(OTHERS) as changes:
                self.is_open = True
                while changes.alive and not self._over:
                    if change := await changes.try_next():
                        self._hear(entry_of(change["fullDocument"]))
        finally:
            self.is_open = False
