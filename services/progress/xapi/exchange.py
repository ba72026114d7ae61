"""A request for a resource of xAPI, and its answer, without HTTP's particulars.

The edge has checked credentials and version, and has undone the alternate request syntax, before a
resource gets a request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.versions import Version


@dataclass(frozen=True, slots=True)
class XapiRequest:
    """A request for a resource."""

    method: str
    """GET, PUT, POST or DELETE; HEAD is answered as GET without its body."""
    version: Version
    client: Client
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""
    content_type: str = ""
    """The header Content-Type as it came."""
    path: str = ""
    """The path and query as they came, without the alternate syntax's parameters."""


@dataclass(frozen=True, slots=True)
class XapiAnswer:
    """The answer to a request for a resource."""

    status: int
    body: bytes = b""
    media_type: str = ""
    """Empty: there is no body, as of 204."""
    headers: Mapping[str, str] = field(default_factory=dict)


Resource = Callable[[XapiRequest], XapiAnswer]
"""Answers the requests for one resource, on a thread. Errors of the domain become problem details:
Invalid 400, NotFound 404, PermissionDenied 403, AlreadyExists 409."""
