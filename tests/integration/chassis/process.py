"""Roles as processes, for tests that start the real thing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc


def eventually(holds: Callable[[], Any]) -> Any:
    """What `holds` answers once it is true; fails after a while."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came to hold")


class RoleProcess:
    """A role as a process: its log, its API, its end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)

    def logged(self, event: str) -> dict[str, Any] | None:
        """The first log line of that event."""
        parsed = (json.loads(line) for line in list(self.lines) if line.startswith("{"))
        return next((line for line in parsed if line["event"] == event), None)

    def listening(self) -> dict[str, Any]:
        """The log line that tells the ports."""
        eventually(lambda: self.logged("listening") or self.process.poll() is not None)
        found = self.logged("listening")
        assert found, "".join(self.lines)
        return found

    def channel(self) -> grpc.Channel:
        """A channel to it without any edge of ours."""
        return grpc.insecure_channel(f"127.0.0.1:{self.listening()['port']}")

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)
