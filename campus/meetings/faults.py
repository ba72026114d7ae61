"""The ways in which the provider fails on demand, each for the next calls."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
KINDS = ("slow", "drip", "huge", "bomb", "garbage", "loop", "lost", "stuck", "cut", "half")


class Faults:
    """An ASGI application before the real one; `/control/...` never fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._next: deque[tuple[str, str]] = deque()

    @property
    def left(self) -> int:
        """Return how many faults have not happened yet."""
        return len(self._next)

    def plan(self, kind: str, times: int, path: str = "/") -> None:
        """Let the next calls whose paths begin with `path` fail: by a status, such as "503", or in
        one of KINDS.

        Raises ValueError for anything else.
        """
        if kind not in KINDS and not (kind.isdigit() and 300 <= int(kind) < 600):
            raise ValueError(
                f"{kind!r} is no fault; right would be a status from 300 to 599 or one of "
                f"{', '.join(KINDS)}"
            )
        self._next.extend([(kind, path)] * times)

    def end(self) -> None:
        """Let calls succeed again."""
        self._next.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = self._taken(scope["path"]) if scope["type"] == "http" else ""
        if not kind:
            await self._app(scope, receive, send)
            return
        if kind in ("lost", "stuck"):
            await self._app(scope, receive, _nowhere)
        match kind:
            case "cut":
                await _cut(send)
            case "half":
                await self._app(scope, receive, _halving(send))
            case _:
                await _failure(kind, Request(scope))(scope, receive, send)

    def _taken(self, path: str) -> str:
        """Return how this call fails, which then has happened; empty: it doesn't."""
        if path.startswith("/control"):
            return ""
        found = next((each for each in self._next if path.startswith(each[1])), None)
        if found is None:
            return ""
        self._next.remove(found)
        return found[0]


def _failure(kind: str, request: Request) -> Response:
    match kind:
        case "slow" | "stuck":
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


def _halving(send: Send) -> Send:
    """Return what sends half of an answer as if it were all of it."""
    whole = bytearray()
    start: Message = {}

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        whole.extend(message.get("body", b""))
        if not message.get("more_body"):
            half = bytes(whole[: len(whole) // 2])
            length = (b"content-length", str(len(half)).encode())
            kept = [each for each in start["headers"] if each[0] != b"content-length"]
            await send({**start, "headers": [*kept, length]})
            await send({"type": "http.response.body", "body": half})

    return collect


async def _never() -> AsyncIterator[bytes]:
    """Send nothing, until the caller has gone."""
    await asyncio.Event().wait()
    yield b""


async def _drops() -> AsyncIterator[bytes]:
    """Send a byte now and then, until the caller has gone."""
    while True:
        yield b" "
        await asyncio.sleep(0.05)
