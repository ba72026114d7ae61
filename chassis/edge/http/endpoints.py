"""Endpoints: HTTP routes with credentials whose protocol others have fixed (docs/decisions/0060).

A request for an endpoint passes the same steps as an RPC. It takes what HTTP has: several methods,
any path and query, any headers and any body up to a size.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol as Interface

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chassis.context.principal import NOBODY, Principal
from chassis.edge.admission import Slot, of_page
from chassis.edge.auth import Scheme
from chassis.edge.bodies import Body
from chassis.edge.exchange import Exchange, Measures
from chassis.edge.http.body import Reading
from chassis.edge.http.pages import LARGEST_QUERY, code_of_page
from chassis.edge.http.problems import STATUSES, headers_of, plain_problem, problem
from chassis.edge.http.threads import on_thread
from chassis.edge.pipeline import LARGEST_REQUEST, LONGEST_REQUEST, Pipeline
from chassis.edge.spans import Protocol
from chassis.edge.statuses import ROOM_IN_BODY, Malformed, TooLarge


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """A request for an endpoint."""

    method: str
    """GET also for HEAD, whose answer is GET's without the body (RFC 9110, section 9.3.2)."""
    path: str
    """As it came, percent-encoded."""
    query: str
    """As it came, without the question mark."""
    headers: Mapping[str, str]
    """By lower-case name; of one that came twice, both values with a comma between (RFC 9110,
    section 5.3)."""
    body: bytes = b""
    principal: Principal = NOBODY
    """The caller; nobody at a public endpoint."""


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """The answer to a request for an endpoint."""

    status: int
    body: bytes = b""
    media_type: str = ""
    """Empty: the answer has no body, as of 204."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Tunnel(Interface):
    """A syntax by which a request holds another one in its body, credentials included."""

    def holds(self, request: EndpointRequest) -> bool:
        """Return whether this POST, whose body has not come yet, holds another request."""

    def opened(self, request: EndpointRequest) -> EndpointRequest:
        """Return the request that such a request holds. Raises Malformed."""


def _no_headers(_: EndpointRequest) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint."""

    path: str
    """Such as /xapi/statements."""
    methods: Sequence[str]
    """With GET comes HEAD."""
    answer: Callable[[EndpointRequest], EndpointAnswer]
    """Answers on a thread, as the caller, within the deadline. Raises what a use case may raise."""
    schemes: Mapping[str, Scheme] = field(default_factory=dict)
    """Authentication schemes beside Bearer, by their names in lower case."""
    is_public: bool = False
    """Whether anyone may call it, without credentials. It then must not wait for anything: it has
    the places of a page, and no turns."""
    tunnel: Tunnel | None = None
    headers: Callable[[EndpointRequest], Mapping[str, str]] = _no_headers
    """Returns headers of every answer to a request, of a refusal too."""
    sent: Sequence[str] = ()
    """Headers in lower case that pages of other origins may send."""
    seen: Sequence[str] = ()
    """Headers in lower case of the answer that pages of other origins may read."""
    largest_body: int = LARGEST_REQUEST
    """In bytes."""

    @property
    def allowed(self) -> Sequence[str]:
        """Return the methods that it answers, HEAD included."""
        return [*self.methods, *(["HEAD"] if "GET" in self.methods else [])]

    def is_tunnelled(self, request: EndpointRequest) -> bool:
        """Return whether a request, whose body has not come yet, holds another one."""
        return self.tunnel is not None and self.tunnel.holds(request)


def route_of_endpoint(service: str, pipeline: Pipeline, endpoint: Endpoint) -> Route:
    """Return the route of an endpoint. It takes all methods, and refuses those that are not its."""
    return Route(endpoint.path, _Endpoint(service, pipeline, endpoint))


class _Endpoint:
    """Answers the requests for one endpoint, as an ASGI application."""

    def __init__(self, service: str, pipeline: Pipeline, endpoint: Endpoint) -> None:
        self._pipeline, self._endpoint = pipeline.with_schemes(endpoint.schemes), endpoint
        self._measures = {
            method: Measures(Protocol.HTTP, service, f"{method} {endpoint.path}")
            for method in {*endpoint.methods, *(["POST"] if endpoint.tunnel else [])}
        }
        self._crowd = of_page(endpoint.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        head = _head(request)
        also = self._endpoint.headers(head)
        answer = _refusal(self._endpoint, request.method, head, also)
        if answer is None:
            answer = await self._measured(request, head, also)
        await answer(scope, receive, send)

    async def _measured(
        self, request: Request, head: EndpointRequest, also: Mapping[str, str]
    ) -> Response:
        exchange = Exchange(self._measures[head.method], head.headers)
        also = {**also, "x-request-id": exchange.request_id}
        exchange.begin()
        try:
            answer = await self._answer(request, head)
        except ClientDisconnect:
            exchange.end("CANCELLED")
            return Response(status_code=STATUSES["CANCELLED"])
        except Exception as error:
            status = exchange.refuse(error, ROOM_IN_BODY)
            challenge = self._pipeline.authenticator.challenge
            return problem(status, {**also, **dict(headers_of(status, challenge))}, _http(error))
        else:
            exchange.end(code_of_page(answer.status))
            # As a header: Starlette would add a charset to a media type that it is given.
            kind = {"content-type": answer.media_type} if answer.media_type else {}
            return Response(answer.body, answer.status, {**answer.headers, **kind, **also})
        finally:
            exchange.leave()

    async def _answer(self, request: Request, head: EndpointRequest) -> EndpointAnswer:
        endpoint = self._endpoint
        reading = Reading(time.monotonic() + LONGEST_REQUEST, endpoint.largest_body)
        tunnel = endpoint.tunnel if endpoint.is_tunnelled(head) else None
        with self._slot(head) as slot:
            if tunnel is None:
                head = await self._from_caller(head, slot)
            _check_body(head.headers, endpoint.largest_body)
            slot.check()
            with await reading.room(slot) as body:
                whole = replace(head, body=await reading.read(request, body))
                return await on_thread(
                    self._pipeline, lambda: self._work(tunnel, whole, slot, body, reading)
                )

    def _slot(self, head: EndpointRequest) -> Slot:
        if self._endpoint.is_public:
            return self._pipeline.admission.take(self._crowd)
        return self._pipeline.slot(head.headers.get("authorization", ""))

    async def _from_caller(self, head: EndpointRequest, slot: Slot) -> EndpointRequest:
        """Return a request with its caller. A thread checks the credentials if that may wait."""
        slot.check()
        if self._endpoint.is_public:
            return head
        identity = self._pipeline.authenticate_at_once(head.headers.get("authorization", ""), slot)
        if identity is not None:
            return replace(head, principal=identity.principal)
        return await on_thread(self._pipeline, lambda: self._authenticated(head, slot))

    def _authenticated(self, request: EndpointRequest, slot: Slot) -> EndpointRequest:
        """Return the request with its caller. Raises as Pipeline.authenticate does."""
        if self._endpoint.is_public:
            return request
        authorization = request.headers.get("authorization", "")
        principal = self._pipeline.authenticate(authorization, slot).principal
        return replace(request, principal=principal)

    def _work(
        self,
        tunnel: Tunnel | None,
        request: EndpointRequest,
        slot: Slot,
        body: Body,
        reading: Reading,
    ) -> EndpointAnswer:
        size = len(request.body)
        if tunnel is not None:
            request = self._authenticated(tunnel.opened(request), slot)
        return self._pipeline.answer_endpoint(
            lambda: self._endpoint.answer(request),
            request.principal,
            body,
            size,
            reading.seconds_left,
        )


def _head(request: Request) -> EndpointRequest:
    """Return a request without its body and its caller."""
    # The parser leaves the space after a value, which is none of it (RFC 9110, section 5.5).
    names = dict.fromkeys(request.headers.keys())
    headers = {name: ", ".join(request.headers.getlist(name)).strip(" \t") for name in names}
    return EndpointRequest(
        "GET" if request.method == "HEAD" else request.method,
        request.scope["raw_path"].decode("latin-1"),
        request.scope["query_string"].decode("latin-1"),
        headers,
    )


def _refusal(
    endpoint: Endpoint, method: str, head: EndpointRequest, also: Mapping[str, str]
) -> Response | None:
    """Return the refusal of a request by its first line alone; None if it may go on."""
    if method not in endpoint.allowed and not endpoint.is_tunnelled(head):
        allowed = ", ".join(endpoint.allowed)
        told = {"detail": f"the method is {method[:40]!r}; wanted: {allowed}"}
        return plain_problem(405, told, {**also, "allow": allowed})
    if len(head.query) > LARGEST_QUERY:
        return plain_problem(
            414, {"detail": f"the query has more than {LARGEST_QUERY} bytes"}, also
        )
    return None


class Compressed(Malformed):
    """The body is compressed: 415, and INVALID_ARGUMENT, for it is no fault of the server."""


def _check_body(headers: Mapping[str, str], largest: int) -> None:
    """Raise Compressed, or TooLarge for a body that is told to be too large."""
    encoding = headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Compressed(f"content-encoding is {encoding[:40]!r}; wanted: 'identity', or none")
    length = headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > largest:
        raise TooLarge(largest)


def _http(error: Exception) -> int | None:
    """Return the status that tells a caller more than its code does (RFC 9110)."""
    if isinstance(error, Compressed):
        return 415
    return 413 if isinstance(error, TooLarge) else None


def methods_of(endpoints: Iterable[Endpoint]) -> set[str]:
    """Return all methods that some endpoints answer."""
    return {method for endpoint in endpoints for method in endpoint.allowed}
