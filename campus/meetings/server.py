"""The provider as a server: `python -m campus.meetings.server <port> <file of the secret>`.

Its clock is the one that TANDEM_CLOCK names.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from campus.meetings.api import Api
from campus.meetings.control import Control
from campus.meetings.faults import Faults
from campus.meetings.rooms import Rooms
from campus.meetings.timing import Timing
from campus.meetings.webhooks import Hooks
from campus.stack.ports import HOST
from chassis.clock import Clock, clock_from


def app_of(secret: str, base: str, clock: Clock) -> ASGIApp:
    """Return the application of a server that others reach at the URL `base`."""
    timing, rooms = Timing(clock), Rooms()
    hooks = Hooks(secret, timing.now)
    api = Api(rooms, hooks, secret, base, timing.now)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await hooks.close()

    app = Starlette(routes=api.routes(), lifespan=lifespan)
    faults = Faults(app)
    app.router.routes.extend(Control(api, rooms, hooks, faults, timing).routes())
    return Dated(faults, timing)


class Dated:
    """Writes the provider's time into the header Date of each answer."""

    def __init__(self, app: ASGIApp, timing: Timing) -> None:
        self._app, self._timing = app, timing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", self._timing.date().encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await self._app(scope, receive, dated)


def serve(port: int, secret: str) -> None:
    """Serve until SIGTERM."""
    base = f"http://{HOST}:{port}"
    app = app_of(secret, base, clock_from(os.environ.get("TANDEM_CLOCK", "system")))
    uvicorn.run(
        app,
        host=HOST,
        port=port,
        date_header=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]).read_text())
