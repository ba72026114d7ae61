"""Runs the probe (`probe.py`) of a stored file as a process, and serves it ranges of the file."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from services.library import probe
from services.library.domain.types import LONGEST as LONGEST_PLAY
from services.library.probe import Verdict
from services.library.ranges import LONGEST as LONGEST_RANGE
from services.library.ranges import Read, exactly

ROOT = Path(__file__).resolve().parents[2]
# Seconds that a probe may take by itself, without the time in which the S3 store answers. They are
# many, because a busy machine must not fail a good file; probe.MOST_CPU_SECONDS ends others before.
LONGEST = 120.0
# Seconds in which the process has to load its libraries; a busy machine may need some.
LONGEST_START = 60.0
RUBBISH = "its reader answered with rubbish"

log = structlog.get_logger()


class Prober:
    """Opens files, one at a time, each in a process with limits.

    With probe.MOST_MEMORY, the number of probers decides the memory that a worker needs.
    """

    def __init__(self, module: str = probe.__name__, longest: float = LONGEST) -> None:
        """`module`: what is run, with the arguments of probe.main; `longest`: in seconds."""
        self._module, self._longest = module, longest
        self._turn = threading.Lock()

    def __call__(
        self, media_type: str, size: int, read: Read, go_on: Callable[[], None]
    ) -> Verdict:
        """Return what a probe finds in a file of a type, or why it found nothing.

        `go_on` is called before each range. Raises what `go_on` and `read` raise, and CantStart.
        """
        with self._turn, _process(self._module, media_type, str(size)) as (process, link):
            child = _Child(process, link, self._longest)
            child.start()
            return _serve(child, size, read, go_on)


class CantStart(Exception):
    """The process of the probe ended before it read the file: the file is not the cause."""


class _Ended(Exception):
    """The probe gave no result, because of the file; the text says why."""


class _Child:
    """The process of a probe, whose time to answer is limited."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", link: socket.socket, longest: float
    ) -> None:
        self._process, self._link, self._heard = process, link, b""
        self._longest, self._limit, self._left = longest, LONGEST_START, LONGEST_START

    def start(self) -> None:
        """Wait until it is ready. Raises CantStart."""
        try:
            ready = self.hear() == {"ready": True}
        except _Ended as why:
            raise CantStart(str(why)) from why
        if not ready:
            raise CantStart("it is not ready")
        self._limit = self._left = self._longest

    def hear(self) -> dict[str, Any]:
        """Return the next line. Raises _Ended."""
        line, ended, self._heard = self._heard.partition(b"\n")
        while not ended:
            if len(line) > probe.LONGEST_LINE:
                raise _Ended(RUBBISH)
            with self._on_the_clock():
                some = self._link.recv(probe.LONGEST_LINE)
            if not some:
                raise _Ended(self._end())
            line, ended, self._heard = (line + some).partition(b"\n")
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise _Ended(RUBBISH)
        return said

    def send(self, piece: bytes) -> None:
        """Send bytes. Raises _Ended."""
        try:
            with self._on_the_clock():
                self._link.sendall(piece)
        except ConnectionError as error:
            raise _Ended(self._end()) from error

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        begun = time.monotonic()
        self._link.settimeout(max(self._left, 0.001))
        try:
            yield
        except TimeoutError as error:
            raise _Ended(f"opening it takes longer than {self._limit:g} s") from error
        finally:
            self._left -= time.monotonic() - begun

    def _end(self) -> str:
        """Return why the process ended without a result."""
        try:
            code = self._process.wait(timeout=self._longest)
        except subprocess.TimeoutExpired:
            return "its reader broke off"
        if code == -signal.SIGXCPU:
            return f"opening it takes more than {probe.MOST_CPU_SECONDS} s of computing"
        how = f"signal {-code}" if code < 0 else f"status {code}"
        return f"its reader broke off with {how}"


def _serve(child: _Child, size: int, read: Read, go_on: Callable[[], None]) -> Verdict:
    """Send the ranges that a probe asks for, until it tells what it found."""
    left = probe.MOST_READ
    try:
        while True:
            said = child.hear()
            if "at" not in said:
                return _verdict(said)
            at, length = _range(said, size)
            left -= length
            if left < 0:
                return Verdict(fault="opening it takes too much of it")
            go_on()
            child.send(exactly(read, at, length))
    except _Ended as why:
        log.warning("a probe gave no result", why=str(why))
        return Verdict(fault=str(why))


def _verdict(said: dict[str, Any]) -> Verdict:
    seconds, fault = said.get("seconds", 0.0), said.get("fault", "")
    if said.keys() not in ({"seconds"}, {"fault"}) or not isinstance(fault, str):
        raise _Ended(RUBBISH)
    if not isinstance(seconds, int | float) or not 0 <= seconds < LONGEST_PLAY:
        raise _Ended(RUBBISH)
    return Verdict(float(seconds), fault[: probe.LONGEST_FAULT])


def _range(said: dict[str, Any], size: int) -> tuple[int, int]:
    at, length = said.get("at"), said.get("length")
    if not isinstance(at, int) or not isinstance(length, int):
        raise _Ended(RUBBISH)
    if not 0 <= at < at + length <= size or length > LONGEST_RANGE:
        raise _Ended(RUBBISH)
    return at, length


@contextmanager
def _process(
    module: str, *arguments: str
) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket]]:
    """Start a probe, and yield it with the socket to it; in the end, it is gone.

    It gets none of the worker's environment, which has passwords, and none of its files.
    """
    ours, its = socket.socketpair()
    with ours:
        with its:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            )
        try:
            yield process, ours
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
