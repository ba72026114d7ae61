"""Refusals as answers, for resources whose refusals have headers of their own."""

from collections.abc import Mapping

from chassis.edge.http.problems import plain_problem
from chassis.errors import AlreadyExists, DomainError, NotFound, PermissionDenied
from services.progress.xapi.exchange import XapiAnswer

_STATUSES: Mapping[type[DomainError], int] = {
    AlreadyExists: 409,
    NotFound: 404,
    PermissionDenied: 403,
}


def refusal(error: DomainError, headers: Mapping[str, str]) -> XapiAnswer:
    """Return the answer to a request that the domain refuses: a problem (RFC 9457) with every
    violation.
    """
    status = _STATUSES.get(type(error), 400)
    errors = [
        {"field": each.field, "detail": f"{each.wrong}; right: {each.right}"}
        for each in error.violations
    ]
    members = {"detail": error.summary} | ({"errors": errors} if errors else {})
    body = bytes(plain_problem(status, members, {}).body)
    return XapiAnswer(status, body, "application/problem+json", headers)
