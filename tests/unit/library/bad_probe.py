"""A probe that misbehaves, as its first argument says: `python -m tests.unit.library.bad_probe`."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from services.library import probe
from services.library.confined import Limits, confine

link = socket.socket(fileno=0) if __name__ == "__main__" else socket.socket()
link.settimeout(None)


def say(line: object) -> None:
    """Send a line as a probe does."""
    link.sendall(json.dumps(line).encode() + b"\n")


def _spin() -> None:
    while True:
        pass


def _spin_within_limits() -> None:
    confine(Limits(memory=probe.LIMITS.memory, cpu_seconds=1))
    _spin()


def _eat() -> None:
    confine(probe.LIMITS)
    bytearray(2 * probe.LIMITS.memory)


def _flood() -> None:
    while True:
        link.sendall(b"x" * 100_000)


def _read_all() -> None:
    while True:
        say({"at": 0, "length": 1000})
        link.recv(1000)


def _ask_and_sleep() -> None:
    say({"at": 0, "length": 1000})
    time.sleep(600)


def _ask_and_leave() -> None:
    say({"at": 0, "length": 1000})
    link.recv(1)  # and never the rest


def _try(deed: Callable[[], object]) -> None:
    confine(probe.LIMITS)
    try:
        deed()
    except OSError as error:
        say({"fault": os.strerror(error.errno or 0)})
    else:
        say({"fault": "done"})


DEEDS: dict[str, Callable[[], object]] = {
    "sleep": lambda: time.sleep(600),
    "spin": _spin,
    "spin/limited": _spin_within_limits,
    "eat": _eat,
    "flood": _flood,
    "read/all": _read_all,
    "ask/sleep": _ask_and_sleep,
    "ask/leave": _ask_and_leave,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "leave": lambda: None,
    "connect": lambda: _try(socket.socket),
    "execute": lambda: _try(lambda: os.execv("/bin/true", ["true"])),
    "fork": lambda: _try(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "write": lambda: _try(lambda: os.write(os.memfd_create("x"), b"x")),
    "no/json": lambda: link.sendall(b"{\n"),
    "no/line": lambda: link.sendall(b'{"seconds": 1'),
    "number": lambda: say(1),
    "nothing": lambda: say({}),
    "both": lambda: say({"seconds": 1.0, "fault": "x"}),
    "text": lambda: say({"seconds": "long"}),
    "nan": lambda: say({"seconds": float("nan")}),
    "endless": lambda: say({"seconds": 1e300}),
    "before": lambda: say({"at": -1, "length": 10}),
    "behind": lambda: say({"at": 999, "length": 2}),
    "too/much": lambda: say({"at": 0, "length": 2**40}),
    "none": lambda: say({"at": 0, "length": 0}),
    "environment": lambda: say({"fault": " ".join(sorted(os.environ))}),
    "files": lambda: say({"fault": " ".join(sorted(os.listdir("/proc/self/fd")))}),
}

if __name__ == "__main__":
    if sys.argv[1] != "never/ready":
        say({"ready": True})
        DEEDS[sys.argv[1]]()
