"""The solver's process: of another environment, and limited in time, memory and output."""

import json
import os
import resource
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timetabler

ROOT = Path(timetabler.__file__).resolve().parents[1]
USUAL_PYTHON = ROOT / ".venv-timetabler" / "bin" / "python"
"""Of the environment that has OR-Tools, unless a setting names another."""
# Seconds beside the search: to start, to build the model and to end, also on a busy machine.
MORE_TIME = 600.0
# Bytes. A line tells a whole timetable; the largest one that is asked for has some 200 kB.
LONGEST_LINE = 4 * 2**20
MOST_OUTPUT = 64 * 2**20
TICK = 0.5

Document = dict[str, Any]


class Ended(Exception):
    """The process gave no result; the text says why."""


@dataclass(frozen=True, slots=True)
class Solver:
    """How the process is run."""

    python: Path
    memory: int
    """Bytes of its address space."""
    workers: int
    """Threads of the search."""

    def lines(
        self, problem: Document, seconds: float, enough: int, tick: Callable[[], None]
    ) -> Iterator[Document]:
        """Solve a problem, and yield each line that the process writes: progress, and the result.

        `tick` is called at least twice a second, and what it raises ends the process. Raises Ended.
        """
        with self._running(problem, seconds, enough) as process:
            end = time.monotonic() + seconds + MORE_TIME
            for line in _lines(process, end, tick):
                yield _document(line)
            _check_end(process)

    @contextmanager
    def _running(
        self, problem: Document, seconds: float, enough: int
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """Start the process with a problem; in the end, it is gone.

        It gets none of our environment, which has passwords.
        """
        # By a file: a pipe would fill, and wait for a process that may have ended.
        with tempfile.TemporaryFile() as question:
            question.write(json.dumps(problem).encode())
            question.seek(0)
            process = subprocess.Popen(
                [str(self.python), "-m", "timetabler", *self._options(seconds, enough)],
                stdin=question,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
            )
        try:
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_AS, (self.memory, self.memory))
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()

    def _options(self, seconds: float, enough: int) -> list[str]:
        given: Mapping[str, object] = {
            "--seconds": seconds,
            "--enough": enough,
            "--workers": self.workers,
            "--parent": os.getpid(),
        }
        return [word for name, value in given.items() for word in (name, str(value))]


def _lines(
    process: "subprocess.Popen[bytes]", end: float, tick: Callable[[], None]
) -> Iterator[bytes]:
    """Yield the lines of a process until it closes its output."""
    assert process.stdout
    output, heard, left = process.stdout.fileno(), b"", MOST_OUTPUT
    while some := _read(output, end, tick):
        left -= len(some)
        *lines, heard = (heard + some).split(b"\n")
        if left < 0 or len(heard) > LONGEST_LINE:
            raise Ended("the solver says too much")
        yield from lines


def _read(output: int, end: float, tick: Callable[[], None]) -> bytes:
    """Return what a process writes next; empty at its end."""
    while time.monotonic() < end:
        tick()
        ready, _, _ = select.select([output], [], [], TICK)
        if ready:
            return os.read(output, 2**16)
    raise Ended("the solver did not end in time")


def _document(line: bytes) -> Document:
    with suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    raise Ended("the solver answered with rubbish")


def _check_end(process: "subprocess.Popen[bytes]") -> None:
    code = process.wait()
    if code < 0:
        raise Ended(f"the solver was ended by signal {-code}; it may need more memory")
    if code:
        raise Ended(f"the solver ended with status {code}")
