"""Public pages: HTTP routes that anyone may call without a token (docs/decisions/0032).

A request for a page passes the same steps as an RPC, without authentication and access. A page has
places of its own and few threads at once, so that a crowd of its callers leaves the others to RPCs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.edge.admission import Slot, of_page
from chassis.edge.exchange import Exchange, Measures
from chassis.edge.http.body import Reading
from chassis.edge.http.problems import STATUSES, headers_of, problem
from chassis.edge.http.threads import on_thread
from chassis.edge.pipeline import LONGEST_REQUEST, Pipeline
from chassis.edge.spans import Protocol
from chassis.edge.statuses import ROOM_IN_BODY, DeadlinePassed, Exhausted, Malformed, TooLarge

FORM = "application/x-www-form-urlencoded"
# In bytes.
LARGEST_QUERY, LARGEST_FORM = 8 * 1024, 64 * 1024
MOST_ARGUMENTS = 100
# Requests for one page that work at once in a replica: a quarter of its threads (executor.THREADS).
AT_ONCE = 8
# What metrics call the status of a page's own answer.
_CODES: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    410: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page."""

    parameters: Mapping[str, str]
    """The values of the path's parameters."""
    arguments: Sequence[tuple[str, str]]
    """Names and values of the query, then those of the form, as they came. Bytes that are not UTF-8
    are replaced by U+FFFD."""
    if_none_match: str = ""
    """The header If-None-Match; empty if there is none."""
    body: bytes = b""
    """As it came, of a page that takes any body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; of one that came twice, both values with a comma between (RFC 9110,
    section 5.3)."""
    query: str = ""
    """As it came, without the question mark."""


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """The answer to a request for a page."""

    body: bytes
    media_type: str
    """Empty: the answer has no body, as of 304."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A public page."""

    path: str
    """A route of Starlette, such as /oai or /podcast/{token}; metrics have it as `method`."""
    answer: Callable[[PageRequest], PageAnswer]
    """Called on a thread, with a deadline. Errors of the domain become problem details."""
    takes_form: bool = False
    """Whether it can also be called by POST with a form."""
    largest_body: int = 0
    """The largest body of any type, in bytes, with which it is called by POST, and not otherwise;
    0: it takes no such body."""


def is_current(if_none_match: str, etag: str) -> bool:
    """Return whether a caller has what an entity tag names already, so that 304 answers it.

    The comparison is the weak one (RFC 9110, sections 8.8.3.2 and 13.1.2).
    """
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known


def route_of(service: str, pipeline: Pipeline, page: Page) -> Route:
    """Return the route of a page: GET, HEAD, and POST if it takes a form; POST alone if it takes
    any body.
    """
    methods = ["GET", "POST"] if page.takes_form else ["GET"]
    if page.largest_body:
        methods = ["POST"]
    return Route(page.path, _Pages(service, pipeline, page).answer, methods=methods)


class _Pages:
    """Answers the requests for one page."""

    def __init__(self, service: str, pipeline: Pipeline, page: Page) -> None:
        self._pipeline, self._page = pipeline, page
        self._measures = Measures(Protocol.HTTP, service, page.path)
        self._caller = of_page(page.path)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def answer(self, request: Request) -> Response:
        """Return the page's answer, or a problem.

        Raises HTTPException if the query is too long (414) or the body is no form (415).
        """
        _check(request, self._page)
        exchange = Exchange(self._measures, request.headers)
        exchange.begin()
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            exchange.end("CANCELLED")
            return Response(status_code=STATUSES["CANCELLED"])
        except Exception as error:
            status = exchange.refuse(error, ROOM_IN_BODY)
            headers = {"x-request-id": exchange.request_id, **dict(headers_of(status, ""))}
            return problem(status, headers, _http_status(error))
        else:
            exchange.end(code_of_page(answer.status))
            headers = {**answer.headers, "x-request-id": exchange.request_id}
            kind = answer.media_type or None
            return Response(answer.body, answer.status, headers, media_type=kind)
        finally:
            exchange.leave()

    async def _answer(self, request: Request) -> PageAnswer:
        largest = self._page.largest_body or LARGEST_FORM
        reading = Reading(time.monotonic() + LONGEST_REQUEST, largest)
        with self._pipeline.admission.take(self._caller) as slot:
            slot.check()
            body = await _body(request, reading, slot) if request.method == "POST" else b""
            asked = _asked(request, body, self._page)
            async with self._turn(reading):
                return await on_thread(
                    self._pipeline,
                    lambda: self._pipeline.answer_page(
                        lambda: self._page.answer(asked), reading.seconds_left
                    ),
                )

    @asynccontextmanager
    async def _turn(self, reading: Reading) -> AsyncIterator[None]:
        """Wait until few others work. It is the event loop that waits, and no thread."""
        try:
            async with asyncio.timeout(reading.seconds_left()):
                await self._turns.acquire()
        except TimeoutError as error:
            raise DeadlinePassed("the deadline passed before the request was begun") from error
        try:
            yield
        finally:
            self._turns.release()


def _check(request: Request, page: Page) -> None:
    if len(request.scope["query_string"]) > LARGEST_QUERY:
        raise HTTPException(414, f"the query has more than {LARGEST_QUERY} bytes")
    if page.largest_body:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != FORM:
        raise HTTPException(415, f"the content type must be {FORM}", {"accept-post": FORM})


def _asked(request: Request, body: bytes, page: Page) -> PageRequest:
    """Return a request as a page sees it. Raises Malformed if there are too many arguments."""
    names = dict.fromkeys(request.headers.keys())
    headers = {name: ", ".join(request.headers.getlist(name)) for name in names}
    return PageRequest(
        request.path_params,
        _arguments(request.scope, b"" if page.largest_body else body),
        headers.get("if-none-match", ""),
        body if page.largest_body else b"",
        headers,
        request.scope["query_string"].decode("latin-1"),
    )


async def _body(request: Request, reading: Reading, slot: Slot) -> bytes:
    with await reading.room(slot) as body:
        return await reading.read(request, body)


def _arguments(scope: Any, form: bytes) -> list[tuple[str, str]]:
    """Return the arguments of a query and a form. Raises Malformed if there are too many."""
    return [*_parsed(scope["query_string"]), *_parsed(form)]


def _parsed(encoded: bytes) -> list[tuple[str, str]]:
    text = encoded.decode("utf-8", "replace")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_ARGUMENTS)
    except ValueError as error:
        raise Malformed(f"there are more than {MOST_ARGUMENTS} arguments") from error


def _http_status(error: Exception) -> int | None:
    """Return the status that tells a caller without a name more than its code does.

    A place that is taken is no fault of this caller (RFC 6585, section 4), who may come again.
    """
    if isinstance(error, Exhausted):
        return 503
    return 413 if isinstance(error, TooLarge) else None


def code_of_page(status: int) -> str:
    """Return what metrics call the HTTP status of a page's or endpoint's own answer."""
    if status < 400:
        return "OK"
    return _CODES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
