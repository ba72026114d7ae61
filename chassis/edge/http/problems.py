"""Errors of HTTP as problem details (RFC 9457), with all violations."""

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from starlette.responses import Response

from chassis.edge.spans import connect_code
from chassis.edge.statuses import code_of

# HTTP statuses by code, from Connect's table (connectrpc.com/docs/protocol, Error Codes).
STATUSES: Mapping[str, int] = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
_DETAILS = (
    details.BadRequest,
    details.PreconditionFailure,
    details.RequestInfo,
    details.RetryInfo,
)


def problem(status: Status, headers: Mapping[str, str], http: int | None = None) -> Response:
    """Return the answer to a failed request, with the code's HTTP status unless `http` is another.

    Extension members: `code` in Connect's spelling; `errors`, one for each violation.
    """
    code = code_of(status)
    members: dict[str, Any] = {"detail": status.message, "code": connect_code(code)}
    if errors := list(_errors(status)):
        members["errors"] = errors
    return plain_problem(http or STATUSES[code], members, headers)


def plain_problem(status: int, members: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Return a problem with this HTTP status and these members."""
    title = "Client Closed Request" if status == 499 else HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, **members}
    return Response(json.dumps(body), status, dict(headers), media_type="application/problem+json")


def headers_of(status: Status, challenge: str) -> Iterator[tuple[str, str]]:
    """Yield the headers of such a status (RFC 9110): WWW-Authenticate and Retry-After."""
    if code_of(status) == "UNAUTHENTICATED":
        yield "www-authenticate", challenge
    for detail in details_of(status):
        if isinstance(detail, details.RetryInfo):
            yield "retry-after", str(max(1, detail.retry_delay.seconds))


def details_of(status: Status) -> Iterator[Message]:
    """Yield the details of a status whose types we know."""
    for packed in status.details:
        for kind in _DETAILS:
            if packed.Is(kind.DESCRIPTOR):
                found = kind()
                packed.Unpack(found)
                yield found


def _errors(status: Status) -> Iterable[Mapping[str, str]]:
    for detail in details_of(status):
        if isinstance(detail, details.BadRequest):
            for fault in detail.field_violations:
                yield {"field": fault.field, "detail": fault.description}
        if isinstance(detail, details.PreconditionFailure):
            for broken in detail.violations:
                yield {"field": broken.subject, "detail": broken.description}
