"""The ASGI application of an api role: unary RPCs by Connect, public pages, endpoints,
and readiness."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from chassis.edge.http.connect import Connect
from chassis.edge.http.endpoints import Endpoint, methods_of, route_of_endpoint
from chassis.edge.http.pages import Page, route_of
from chassis.edge.http.problems import plain_problem
from chassis.edge.methods import Contract
from chassis.edge.pipeline import Pipeline
from chassis.operations import ops

# Headers that pages of other origins may send and read (Fetch, section 3.2).
SENT = [
    "authorization",
    "content-type",
    "connect-protocol-version",
    "connect-timeout-ms",
    "traceparent",
    "x-request-id",
    "x-user-agent",
]
SEEN = ["retry-after", "www-authenticate", "x-request-id"]
# Seconds for which a browser caches the preflight's answer; Chromium's maximum.
REMEMBERED = 7_200


def app_of(
    service: str,
    pipeline: Pipeline,
    contracts: Sequence[Contract],
    ready: ops.Ready,
    origins: str,
    pages: Sequence[Page] = (),
    endpoints: Sequence[Endpoint] = (),
) -> ASGIApp:
    """Return the application. Pages of `origins` (separated by commas) may call it."""
    connect = Connect(service, pipeline, contracts)

    async def readiness(_: Request) -> Response:
        status, kind, body = ops.readiness(ready)
        return Response(body, status, media_type=kind)

    return Starlette(
        routes=[
            Route("/ready", readiness, methods=["GET"]),
            *(route_of(service, pipeline, page) for page in pages),
            *(route_of_endpoint(service, pipeline, endpoint) for endpoint in endpoints),
            # GET, too: so what is neither a method nor a page here is unknown, and not refused.
            Route("/{contract}/{method}", connect.answer, methods=["GET", "POST"]),
        ],
        middleware=[_browsers(origins, endpoints)] if origins else [],
        exception_handlers={HTTPException: _problem},
    )


def _browsers(origins: str, endpoints: Sequence[Endpoint]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=origins.split(","),
        allow_methods=sorted({"POST", *methods_of(endpoints)}),
        allow_headers=sorted({*SENT, *(each for one in endpoints for each in one.sent)}),
        expose_headers=sorted({*SEEN, *(each for one in endpoints for each in one.seen)}),
        max_age=REMEMBERED,
    )


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_problem(error.status_code, {"detail": error.detail}, error.headers or {})
