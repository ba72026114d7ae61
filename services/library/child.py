"""Runs a process that reads a stored file (`confined.py`), and serves it ranges of the file."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import structlog

from services.library.confined import LONGEST_LINE
from services.library.ranges import LONGEST as LONGEST_RANGE
from services.library.ranges import Read, exactly

ROOT = Path(__file__).resolve().parents[2]
# Seconds in which the process has to load its libraries; a busy machine may need some.
LONGEST_START = 60.0
RUBBISH = "its reader answered with rubbish"

log = structlog.get_logger()


class CantStart(Exception):
    """The process ended before it read the file: the file is not the cause."""


class Ended(Exception):
    """The process gave no result, because of the file; the text says why."""


class Child:
    """The process, whose time to answer is limited."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", link: socket.socket, doing: str, longest: float
    ) -> None:
        """`doing`: what it does, for reasons; `longest`: seconds that it may take by itself."""
        self._process, self._link, self._heard = process, link, b""
        self._doing, self._longest = doing, longest
        self._limit = self._left = LONGEST_START

    def start(self) -> None:
        """Wait until it is ready. Raises CantStart."""
        try:
            ready = self.hear().get("ready")
        except Ended as why:
            raise CantStart(str(why)) from why
        if ready is None:
            raise CantStart("it is not ready")
        if not ready:
            log.warning("seccomp is not available: files are read without it")
        self._limit = self._left = self._longest

    def serve(
        self, size: int, most: int, read: Read, go_on: Callable[[], None]
    ) -> Iterator[dict[str, Any]]:
        """Send the ranges that it asks for, up to `most` bytes in all; yield what else it says.

        `go_on` is called before each range. Raises what `go_on` and `read` raise, and Ended.
        """
        while True:
            said = self.hear()
            if "at" not in said:
                yield said
                continue
            at, length = _range(said, size)
            most -= length
            if most < 0:
                raise Ended(f"{self._doing} takes too much of it")
            go_on()
            self._send(exactly(read, at, length))

    def hear(self) -> dict[str, Any]:
        """Return the next line. Raises Ended."""
        line, ended, self._heard = self._heard.partition(b"\n")
        while not ended:
            if len(line) > LONGEST_LINE:
                raise Ended(RUBBISH)
            with self._on_the_clock():
                some = self._link.recv(LONGEST_LINE)
            if not some:
                raise Ended(self._end())
            line, ended, self._heard = (line + some).partition(b"\n")
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Ended(RUBBISH)
        return said

    def _send(self, piece: bytes) -> None:
        with self._on_the_clock():
            self._link.sendall(piece)

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        """Count the time inside. Raises Ended if it is over, or if the process has ended: a link
        is reset if its other end was closed with unread bytes.
        """
        begun = time.monotonic()
        self._link.settimeout(max(self._left, 0.001))
        try:
            yield
        except TimeoutError as error:
            raise Ended(f"{self._doing} takes longer than {self._limit:g} s") from error
        except ConnectionError as error:
            raise Ended(self._end()) from error
        finally:
            self._left -= time.monotonic() - begun

    def _end(self) -> str:
        """Return why the process ended without a result."""
        try:
            code = self._process.wait(timeout=self._longest)
        except subprocess.TimeoutExpired:
            return "its reader broke off"
        if code == -signal.SIGXCPU:
            return f"{self._doing} takes too many seconds of computing"
        how = f"signal {-code}" if code < 0 else f"status {code}"
        return f"its reader broke off with {how}"


@contextmanager
def running(
    module: str, *arguments: str, doing: str, longest: float, files: Sequence[IO[bytes]] = ()
) -> Iterator[Child]:
    """Start `python -m module arguments`, and yield it when it is ready; in the end, it is gone.

    It gets none of the worker's environment, which has passwords, and only those `files` that it is
    to write; their descriptors are its last arguments. Raises CantStart.
    """
    descriptors = [file.fileno() for file in files]
    ours, its = socket.socketpair()
    with ours:
        with its:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments, *map(str, descriptors)],
                pass_fds=descriptors,
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            )
        try:
            child = Child(process, ours, doing, longest)
            child.start()
            yield child
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def _range(said: dict[str, Any], size: int) -> tuple[int, int]:
    at, length = said.get("at"), said.get("length")
    if not isinstance(at, int) or not isinstance(length, int):
        raise Ended(RUBBISH)
    if not 0 <= at < at + length <= size or length > LONGEST_RANGE:
        raise Ended(RUBBISH)
    return at, length
