"""A way to MongoDB that a test can cut and mend."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


def hold_port() -> socket.socket:
    """A socket that reserves a port of this machine for a server that gets the number."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


class Proxy:
    """Passes TCP on to a server from a port of its own, while it is open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 27017)
        self._held = hold_port()
        self._port: int = self._held.getsockname()[1]
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        # A direct connection: the replica set would tell the client how to go round the proxy.
        self.url = f"mongodb://127.0.0.1:{self._port}/?directConnection=true"

    def open(self) -> None:
        """Let connections through."""
        with self._lock:
            self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections and refuse new ones."""
        with self._lock:
            ends = ([self._listener] if self._listener else []) + self._pairs
            self._listener, self._pairs = None, []
        for end in ends:
            _close(end)

    def freeze(self) -> None:
        """Pass nothing on, as a server that was stopped by SIGSTOP: connections stay open."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass on what came meanwhile, and go on."""
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._server)
                with self._lock:
                    if listener is not self._listener:  # it was cut meanwhile
                        _close(near)
                        _close(far)
                        return
                    self._pairs += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side may have ended it
        end.shutdown(socket.SHUT_RDWR)
    end.close()
