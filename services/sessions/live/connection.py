"""What the channel needs of a connection, whatever its protocol is."""

import asyncio
from abc import ABC, abstractmethod

from chassis.edge.statuses import Malformed
from services.sessions.live.frames import Frame, Request

# Seconds in which a connection must take one message.
TAKES_WITHIN = 10.0
NO_MESSAGE = "the message is no AttendRequest"


class Gone(Exception):
    """The member has left, or the connection broke."""


class TooSlow(Exception):
    """The member does not take what is sent."""


class BadFrame(Malformed):
    """A message that can't be read; the next one may be better."""


class Connection(ABC):
    """One stream of a member. Several tasks may send at once."""

    authorization = ""
    """The value of the header `Authorization`; empty: none came."""

    def __init__(self) -> None:
        self._sending = asyncio.Lock()

    async def send(self, frame: Frame) -> None:
        """Send a message, and wait until the connection takes it. Raises Gone and TooSlow."""
        async with self._sending:
            try:
                async with asyncio.timeout(TAKES_WITHIN):
                    await self._write(frame)
            except TimeoutError as error:
                raise TooSlow from error

    @abstractmethod
    async def receive(self) -> tuple[Request, int]:
        """Return the next message, and its bytes. Raises Gone and BadFrame."""

    @abstractmethod
    async def _write(self, frame: Frame) -> None:
        """Write a message. Raises Gone."""
