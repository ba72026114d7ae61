"""The LRS as endpoints: credentials, version, scopes and parameters, then the resource."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.data.store import Database
from chassis.edge.basic import Basic
from chassis.edge.http.endpoints import Endpoint, EndpointAnswer, EndpointRequest
from chassis.errors import PermissionDenied
from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.documents import LIMITS, Limits
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.xapi.alternate import AlternateSyntax, is_alternate
from services.progress.xapi.clients import NOBODY, Clients
from services.progress.xapi.cmi5 import fetch_endpoint
from services.progress.xapi.exchange import XapiRequest
from services.progress.xapi.requests import VERSION, known_version, parameters_of, version_of
from services.progress.xapi.routes import Operation, XapiRoute, routes

PATH = "/xapi"
# Headers that pages of other origins send and read, beside those of every request.
SENT = (VERSION, "accept-language", "if-match", "if-none-match")
SEEN = (VERSION, "x-experience-api-consistent-through", "etag", "last-modified")


def lrs(database: Database[ProgressStore], url: str, limits: Limits = LIMITS) -> list[Endpoint]:
    """Return the endpoints of the LRS. `url`: its public URL, by which its IRIs begin; `limits`: of
    its documents.
    """
    base = url.rstrip("/")
    resources = endpoints_of(database, base, routes(database, base, limits))
    return [*resources, fetch_endpoint(database, f"{PATH}/cmi5/fetch")]


def endpoints_of(
    database: Database[ProgressStore], base: str, resources: Sequence[XapiRoute]
) -> list[Endpoint]:
    """Return the endpoints of some resources."""
    clients = Clients(database, base)
    basic = {"basic": Basic(clients.check)}
    return [
        Endpoint(
            PATH + route.path,
            tuple(route.operations),
            _Answering(clients, route).answer,
            {} if route.is_public else basic,
            is_public=route.is_public,
            tunnel=AlternateSyntax(route.operations.keys()),
            headers=version_headers,
            sent=SENT,
            seen=SEEN,
        )
        for route in resources
    ]


def version_headers(request: EndpointRequest) -> Mapping[str, str]:
    """Return the header that tells the version in which a request is answered: its own, and the
    newest if it names none (xAPI 1.0.3, part 3, section 3.3).
    """
    usual = Version.V1_0_3 if is_alternate(request) else Version.V2_0_0
    return {VERSION: (known_version(request.headers) or usual).value}


@dataclass(frozen=True, slots=True)
class _Answering:
    """Answers the requests for one resource."""

    clients: Clients
    route: XapiRoute

    def answer(self, request: EndpointRequest) -> EndpointAnswer:
        """Return the resource's answer. Raises Invalid, PermissionDenied, and what it raises."""
        operation = self.route.operations[request.method]
        version = self._version(request)
        client = self._client(request, operation)
        parameters = parameters_of(request.query, operation.parameters)
        answer = self.route.resource(_asked(request, version, client, parameters))
        return EndpointAnswer(answer.status, answer.body, answer.media_type, answer.headers)

    def _version(self, request: EndpointRequest) -> Version:
        if self.route.is_public:
            return known_version(request.headers) or Version.V2_0_0
        return version_of(request.headers)

    def _client(self, request: EndpointRequest, operation: Operation) -> Client:
        if self.route.is_public:
            return NOBODY
        client = self.clients.of(request.principal)
        if not client.scopes & operation.scopes:
            wanted = ", ".join(sorted(scope.value for scope in operation.scopes))
            raise PermissionDenied(f"this needs one of the scopes {wanted}")
        return client


def _asked(
    request: EndpointRequest, version: Version, client: Client, parameters: Mapping[str, str]
) -> XapiRequest:
    return XapiRequest(
        request.method,
        version,
        client,
        parameters,
        request.headers,
        request.body,
        request.headers.get("content-type", ""),
        f"{request.path}?{request.query}" if request.query else request.path,
    )
