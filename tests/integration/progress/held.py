"""A way to MongoDB that holds transactions in their middle."""

import contextlib
import socket
import threading
from typing import Any

import bson

from tests.integration.chassis.proxy import Proxy

HEADER, OP_MSG = 16, 2013
Command = dict[str, Any]


class Held(Proxy):
    """Never passes on one command of the transactions that write into a collection.

    `last` is that collection, into which a transaction writes after all other writes: "inbox" for
    batches of events, "outbox" for timers. `at` is the command: this "insert" or "update", or
    "commitTransaction". With `done` it is carried out, and its answer is not passed on.
    """

    def __init__(self, url: str, at: str, last: str = "inbox", *, done: bool = False) -> None:
        super().__init__(url)
        self._at, self._last, self._done = at, last, done
        self._silent: set[socket.socket] = set()
        self._batches: list[tuple[bytes, int]] = []
        self._never = threading.Event()
        self.commands: list[Command] = []
        """What was held, or whose answer is."""

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        if sink.getpeername() != self._server:
            self._answers(source, sink)
            return
        with contextlib.suppress(OSError, EOFError):
            while True:
                message = _message(source)
                if self._holds(_command(message)):
                    self._silent.add(sink)
                    if not self._done:
                        self._never.wait()
                sink.sendall(message)

    def _answers(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source in self._silent:
                    self._never.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _holds(self, command: Command) -> bool:
        transaction = command.get("lsid", {}).get("id", b""), command.get("txnNumber", 0)
        if self._last in (command.get("insert"), command.get("update")):
            self._batches.append(transaction)
        if transaction not in self._batches or self._at not in command:
            return False
        self.commands.append(command)
        return True


def _message(source: socket.socket) -> bytes:
    """The next message of MongoDB's wire protocol. Raises EOFError."""
    length = _exactly(source, 4)
    return length + _exactly(source, int.from_bytes(length, "little") - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _command(message: bytes) -> Command:
    """The command of a message; empty for one of another kind."""
    if int.from_bytes(message[12:16], "little") != OP_MSG:
        return {}
    first = message[HEADER + 5 :]  # after the flags, and the kind of the first section
    return dict(bson.decode(first[: int.from_bytes(first[:4], "little")]))
