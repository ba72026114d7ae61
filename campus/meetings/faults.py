"""The ways in which the provider fails on demand, each for the next calls."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HUGE = 8
"""The size of a huge answer, in MiB."""
_ENTITIES = "".join(
    f'<!ENTITY {name} "{10 * ("&" + before + ";")}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB = (
    f'<?xml version="1.0"?><!DOCTYPE response [<!ENTITY a "ha">{_ENTITIES}]>'
    "<response><returncode>&i;</returncode></response>"
)
"""An answer of some hundred bytes that would grow to 200 MB ("billion laughs")."""
KINDS = ("slow", "drip", "huge", "bomb", "garbage", "loop", "lost", "cut")


class Faults:
    """An ASGI application before the real one; `/control/...` never fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._next: deque[str] = deque()

    @property
    def left(self) -> int:
        """Return how many faults have not happened yet."""
        return len(self._next)

    def plan(self, kind: str, times: int) -> None:
        """Let the next calls fail: by a status, such as "503", or in one of KINDS.

        Raises ValueError for anything else.
        """
        if kind not in KINDS and not (kind.isdigit() and 300 <= int(kind) < 600):
            raise ValueError(
                f"{kind!r} is no fault; right would be a status from 300 to 599 or one of "
                f"{', '.join(KINDS)}"
            )
        self._next.extend([kind] * times)

    def end(self) -> None:
        """Let calls succeed again."""
        self._next.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/control") or not self._next:
            await self._app(scope, receive, send)
            return
        kind = self._next.popleft()
        if kind == "lost":
            await self._app(scope, receive, _nowhere)
        if kind == "cut":
            await _cut(send)
            return
        await _failure(kind, Request(scope))(scope, receive, send)


def _failure(kind: str, request: Request) -> Response:
    match kind:
        case "slow":
            return StreamingResponse(_never())
        case "drip":
            return StreamingResponse(_drops())
        case "huge":
            return Response(b" " * (HUGE * 2**20))
        case "bomb":
            return Response(BOMB, media_type="text/xml")
        case "garbage":
            return Response("<!doctype html><title>Log in<p>Who are you?", media_type="text/html")
        case "loop":
            return RedirectResponse(str(request.url))
        case "lost":
            return Response("the answer was lost", 504)
    return Response(f"told to answer {kind}", int(kind))


async def _nowhere(_: object) -> None:
    """The answer goes nowhere, though the call had its effect."""


async def _cut(send: Send) -> None:
    """Promise more than is sent, and end the connection."""
    headers = [(b"content-type", b"text/xml"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<response><retur", "more_body": True})
    raise ConnectionAbortedError("told to cut the answer")


async def _never() -> AsyncIterator[bytes]:
    """Send nothing, until the caller has gone."""
    await asyncio.Event().wait()
    yield b""


async def _drops() -> AsyncIterator[bytes]:
    """Send a byte now and then, until the caller has gone."""
    while True:
        yield b" "
        await asyncio.sleep(0.05)
