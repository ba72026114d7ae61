"""A person in the live channel of a class: sends commands, and keeps what comes."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from tandem.sessions.v1 import live_pb2
from tandem.sessions.v1.live_pb2_grpc import LiveServiceStub

from campus.waiting import wait_for


class ChannelError(Exception):
    """The channel did not answer as it should."""


class Attending:
    """A stream in the channel of a class. Use it as a context: at its end the person leaves."""

    def __init__(self, channel: grpc.Channel, token: str, session_id: str) -> None:
        self.came: list[live_pb2.AttendResponse] = []
        self._requests: queue.SimpleQueue[live_pb2.AttendRequest | None] = queue.SimpleQueue()
        self.send(join=live_pb2.JoinRequest(session_id=session_id))
        metadata = (("authorization", f"Bearer {token}"),)
        self._stream: Any = LiveServiceStub(channel).Attend(
            self._sent(), metadata=metadata, wait_for_ready=True
        )
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def __enter__(self) -> "Attending":
        self._thread.start()
        self.until("the channel to let its caller in", lambda: bool(self.came))
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)
        self._stream.cancel()
        self._thread.join()

    def send(self, request_id: str = "", **what: Any) -> None:
        """Send a command by its field in AttendRequest."""
        self._requests.put(live_pb2.AttendRequest(request_id=request_id, **what))

    def entries(self) -> list[live_pb2.ClassEntry]:
        """Return the entries that came."""
        return [each.entry for each in self.came if each.HasField("entry")]

    def latest(self, subject_id: str) -> live_pb2.Tally:
        """Return the latest votes for a subject that came; empty if none did."""
        came = [each.tally for each in self.came if each.HasField("tally")]
        found = [each for each in came if each.subject_id == subject_id]
        return found[-1] if found else live_pb2.Tally()

    def until(self, what: str, holds: Callable[[], bool], patience: float = 60.0) -> None:
        """Wait until something has come. Raises ChannelError if it does not."""
        wait_for(what, holds, patience, ChannelError)

    def _sent(self) -> Iterator[live_pb2.AttendRequest]:
        while (request := self._requests.get()) is not None:
            yield request

    def _receive(self) -> None:
        try:
            for response in self._stream:
                self.came.append(response)
        except grpc.RpcError:
            pass  # the stream was cancelled, or `until` tells what did not come
