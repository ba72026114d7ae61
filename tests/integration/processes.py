"""Roles as processes, the events that the bus brings them, and waiting for their effects."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import pika
import psutil

from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging import topology

# MongoDB holds the locks of a client that was killed in a transaction for its
# transactionLifetimeLimitSeconds, 60, and looks only now and then: 88 s were seen.
PATIENCE = 150.0


def eventually(
    holds: Callable[[], Any], what: str = "what was waited for", patience: float = PATIENCE
) -> Any:
    """What `holds` answers once it is true; fails after a while.

    The pauses grow: many checks are connections to a broker, and slow down what they wait for.
    """
    end, pause = time.monotonic() + patience, 0.02
    while not (found := holds()):
        assert time.monotonic() < end, f"it never came to hold: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return found


@contextmanager
def role(
    service: str, name: str, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of a service; killed at the end where it still runs."""
    command = [sys.executable, "-W", "ignore", "-m", f"services.{service}", name]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def declare(service: str, environment: Mapping[str, str]) -> None:
    """Declare a service's queues, for which its worker waits."""
    with role(service, "declare", environment) as process:
        assert process.wait(120) == 0


def publish(amqp_url: str, *happened: Event[Any]) -> None:
    """Put events on the bus, as a relay does."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for event in happened:
            properties = pika.BasicProperties(
                content_type=events.CONTENT_TYPE,
                delivery_mode=topology.PERSISTENT,
                headers=events.headers_of(event),
            )
            body = events.body_of(event.data)
            channel.basic_publish(topology.EXCHANGE, event.type, body, properties, mandatory=True)


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
        """The log line that contains the ports."""
        eventually(lambda: self.logged("listening") or self.process.poll() is not None)
        found = self.logged("listening")
        assert found, "".join(self.lines)
        return found

    def channel(self) -> grpc.Channel:
        """A channel to it without any edge of ours."""
        return grpc.insecure_channel(f"127.0.0.1:{self.listening()['port']}")

    def url(self) -> str:
        """The URL of its HTTP server."""
        return f"http://127.0.0.1:{self.listening()['http_port']}"

    def ports(self) -> set[int]:
        """The local ports of its connections to servers."""
        found = psutil.Process(self.process.pid).net_connections("tcp4")
        return {each.laddr.port for each in found if each.raddr}

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)
