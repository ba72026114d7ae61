"""Ports on 127.0.0.1: chosen once and stored, and replaced only if another program uses them."""

import json
import random
import socket
import sys
import threading
from pathlib import Path

HOST = "127.0.0.1"
_FIRST = 20_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")

# A chosen port looks free until its server listens, some seconds later. So two parts that start at
# the same time, in one program or in two test processes, could choose the same port. To prevent
# this, a program reserves each port that it chose: it binds a socket to a name in Linux's abstract
# namespace. Only one socket can have the name, and the name ends with the program (unix(7)).
_chosen: dict[int, socket.socket] = {}
_choosing = threading.Lock()


class Ports:
    """The named ports of one part, stored in a JSON file so that a restart has the same ones."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def claim(self, *names: str) -> dict[str, int]:
        """Return a free port for each name: the stored one, or a new one if it is taken.

        Call it only while the part does not run; otherwise its own ports count as taken.
        """
        remembered = self.remembered()
        ports: dict[str, int] = {}
        for name in names:
            port = remembered.get(name)
            if port is None or port in ports.values() or not is_free(port):
                port = _choose()
            ports[name] = port
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(ports))
        return ports

    def remembered(self) -> dict[str, int]:
        """Return the ports by name as last claimed; empty at first, or if the file is damaged."""
        try:
            return {
                str(name): int(port) for name, port in json.loads(self._file.read_text()).items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now (TIME_WAIT does not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Return whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _choose() -> int:
    """Return a free port below the ephemeral range that no running program has chosen.

    While a server is down, any outgoing connection may take a port within that range. Even a client
    that tries to reach the server again may get the server's port, and connect to itself.
    """
    candidates = list(range(_FIRST, _ephemeral_start()))
    random.shuffle(candidates)
    with _choosing:
        return next(port for port in candidates if is_free(port) and _reserve(port))


def _reserve(port: int) -> bool:
    """Reserve the port; return False if another program has reserved it."""
    if port in _chosen:
        return False
    name = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            name.bind(f"\0tandem-port-{port}")
    except OSError:
        name.close()
        return False
    _chosen[port] = name
    return True


def _ephemeral_start() -> int:
    try:
        start = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        start = 32_768
    return start if start > _FIRST + 1_000 else 60_000
