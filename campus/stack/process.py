"""A child process that outlives the program that started it, and is found again after a crash.

The state file has the pid and the start time of the process, so a recycled pid is never signalled.
Every process also gets a mark in its environment, `TANDEM_PROCESS=<folder>:<name>`, which its
children inherit. The mark finds a process whose state file is lost, a process whose start time
looks different because the clock was set, and children that left the process group, as Erlang's
port programs do.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from campus.stack.errors import StackError
from campus.waiting import wait_until

MARK = "TANDEM_PROCESS"
START_TOLERANCE = 1.0  # seconds; psutil computes a start time from the boot time, which may drift
LOG_LIMIT = 16 * 2**20  # bytes; a longer log is renamed at the next start

# Python ignores SIGPIPE, and a shell's background job ignores SIGINT; a child would inherit both.
_RESET_SIGNALS = (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Process:
    """One named process of a data folder: `run/<name>.json` is its state, `log/<name>.log` its log.

    Any number of `Process` objects may refer to the same process, in any number of programs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / "log" / f"{name}.log"
        self._state = folder / "run" / f"{name}.json"
        self._mark = f"{folder.resolve()}:{name}"

    @property
    def pid(self) -> int | None:
        """Return the pid of the running process; None if it does not run."""
        leader = self._leader()
        return leader.pid if leader else None

    @property
    def alive(self) -> bool:
        """Return whether the process runs; it may not be ready yet."""
        return self.pid is not None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
        """Run `command` in a session of its own and return its pid.

        `environment` is the whole environment of the child (default: ours). Remaining processes
        of an earlier run are ended first. Raises StackError if the command can't be executed.
        """
        self.kill()
        whole = {**(os.environ if environment is None else environment), MARK: self._mark}
        self._state.parent.mkdir(parents=True, exist_ok=True)
        pid = self._spawn(command, whole)
        self._record(pid)
        self._await_mark(psutil.Process(pid))
        return pid

    def stop(self, grace: float = 10.0) -> None:
        """End the process: SIGTERM, then after up to `grace` seconds SIGKILL."""
        leader = self._leader()
        if leader:
            with suppress(psutil.NoSuchProcess):
                leader.terminate()
            wait_until(lambda: not self.alive, grace)
        self.kill()

    def kill(self) -> None:
        """End the process and all its children by SIGKILL, and wait until they have ended."""
        while remains := list(self._remains()):
            for process in remains:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            wait_until(lambda: not any(_lives(process) for process in remains), 5)
        self._state.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the log, for an error message."""
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        log = _open_log(self.log)
        try:
            return os.posix_spawnp(
                command[0],
                list(command),
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigdef=_RESET_SIGNALS,
                setsigmask=(),
            )
        except OSError as error:
            raise StackError(f"{self.name}: can't execute {command[0]}: {error.strerror}") from None
        finally:
            os.close(log)

    def _await_mark(self, process: psutil.Process) -> None:
        """Wait until the mark can be read: for some microseconds after a process executes a file
        its environment is empty, and a `kill` without the state file would not find it.
        """
        wait_until(lambda: self._bears_mark(process) or not _lives(process), 5)

    def _record(self, pid: int) -> None:
        """Write the state completely or not at all: others may read it at any time."""
        draft = self._state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"pid": pid, "began": psutil.Process(pid).create_time()}))
        draft.replace(self._state)

    def _leader(self) -> psutil.Process | None:
        """Return the process of the state file, if it still runs and is the same one."""
        try:
            state: Any = json.loads(self._state.read_text())
            leader, began = psutil.Process(int(state["pid"])), float(state["began"])
            return leader if _lives(leader) and self._is_ours(leader, began) else None
        except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
            return None  # no state, or a damaged one; `_remains` finds the process anyway

    def _is_ours(self, process: psutil.Process, began: float) -> bool:
        """Compare the start time first: the mark can't be read while a process executes a file."""
        return abs(process.create_time() - began) < START_TOLERANCE or self._bears_mark(process)

    def _bears_mark(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            return False

    def _remains(self) -> Iterator[psutil.Process]:
        """Return every running process of ours: the leader, and all with the mark.

        A zombie has no mark, and is not reaped here: it may be a child of other code.
        """
        leader = self._leader()
        for process in psutil.process_iter():
            if process == leader or self._bears_mark(process):
                yield process


def ensure(
    process: Process,
    launch: Callable[[], object],
    ready: Callable[[], bool],
    patience: float = 90.0,
    settle: float = 20.0,
) -> None:
    """Start `process` and wait until it answers; do nothing if it does already.

    A process that runs but doesn't answer within `settle` seconds (it may be starting) is stopped
    and launched again. Raises StackError, with the end of the log, if `ready` stays false for
    `patience` seconds or the process ends.
    """
    if process.alive and _comes_up(process, ready, settle):
        return
    process.stop()
    launch()
    if not _comes_up(process, ready, patience):
        fate = f"did not answer within {patience:.0f} s" if process.alive else "did not stay up"
        tail = process.log_tail()
        process.kill()
        raise StackError(f"{process.name} {fate}; the end of {process.log}:\n{tail}")


def _comes_up(process: Process, ready: Callable[[], bool], patience: float) -> bool:
    """Return whether the process answers within `patience` seconds; one answer is enough, for on a
    busy machine the next one may be late.
    """
    answers = False

    def is_decided() -> bool:
        nonlocal answers
        answers = ready()
        return answers or not process.alive

    wait_until(is_decided, patience)
    return answers and process.alive


def _lives(process: psutil.Process) -> bool:
    """Return whether the process is more than a zombie; reap a zombie that is our own child.

    A killed process is a zombie as soon as its first thread has ended, but its ports and file locks
    are free only after the last one.
    """
    try:
        if process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1:
            return True
        os.waitpid(process.pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        pass
    return False


def _open_log(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".old.log"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]
