"""The ASGI server of HTTP. It runs on a thread of its own in the process of the gRPC server."""

import asyncio
import contextlib
import socket
import threading

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Seconds for the headers of a request.
HEADERS_WITHIN = 10.0
# Seconds until an idle connection is closed. Longer than in gateways (Envoy: 60).
KEEP_ALIVE = 75
WAITING_CONNECTIONS = 1_024
# Bytes; asyncio's default is 256 KiB.
READ_AT_ONCE = 32 * 1024


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a timeout for headers and smaller reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio's attribute: the first bytes of a body that waits for room are already read.
        transport.max_size = READ_AT_ONCE  # type: ignore[attr-defined]
        self._expect_headers()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        self._late.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        """Close the connection if the headers do not arrive in time."""
        late: asyncio.TimerHandle | None = getattr(self, "_late", None)
        if late is not None:
            late.cancel()
        self._late = self.loop.call_later(HEADERS_WITHIN, self.transport.close)


class Uvicorn(uvicorn.Server):
    """uvicorn's server, but it stops at once where nobody is connected.

    uvicorn itself looks every 0.1 s whether it is to stop, and then waits for 0.1 s in any case.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop. Any thread may call it, also before the server runs."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has stopped
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Write the header `date` once a second, until the server is to stop."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and wait for those that are open."""
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        else:
            for server in self.servers:
                server.close()


class HttpServer:
    """An ASGI server. It binds its address at once, and listens after `start`."""

    def __init__(self, address: str, app: ASGIApp) -> None:
        """Raises OSError if the address is in use."""
        self._socket = bound(address)
        self.port: int = self._socket.getsockname()[1]
        """The port of the server, also if the address asked for port 0."""
        self._server = Uvicorn(
            uvicorn.Config(
                app,
                http=Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE,
                backlog=WAITING_CONNECTIONS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Accept requests from now on."""
        self._socket.listen(WAITING_CONNECTIONS)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Accept no new requests, and cancel those that last longer than `seconds`."""
        self._server.config.timeout_graceful_shutdown = seconds  # type: ignore[assignment]
        self._server.stop()

    def join(self) -> None:
        """Wait until it has stopped."""
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def bound(address: str) -> socket.socket:
    """Return a socket at an address, which does not listen yet. Raises OSError if it is in use."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets whose protocol is TCP by name.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host.strip("[]"), int(port)))
    except OSError:
        found.close()
        raise
    return found
