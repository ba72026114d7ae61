"""The resources of documents, agents and activities, called without HTTP: in any process, by any
client, with any limits.
"""

from collections.abc import Mapping
from typing import Any

from chassis.data.store import Database
from chassis.errors import AlreadyExists, DomainError, Invalid, NotFound, PermissionDenied
from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.documents import LIMITS, Kind, Limits
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.activities import ActivityResource
from services.progress.xapi.agents import agents
from services.progress.xapi.documents import DocumentResource
from services.progress.xapi.exchange import Resource, XapiAnswer, XapiRequest
from tests.conformance.xapi.resources import (
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    AGENTS,
    ALL,
    BASE,
    JSON,
    STATE,
    Caller,
    text_of,
)

# As the edge answers errors of the domain.
_STATUSES: Mapping[type[DomainError], int] = {
    Invalid: 400,
    PermissionDenied: 403,
    NotFound: 404,
    AlreadyExists: 409,
}


class DirectResources(Caller):
    """The resources in one version of xAPI, as one process has them."""

    def __init__(
        self, database: Database[ProgressStore], version: Version, limits: Limits = LIMITS
    ) -> None:
        self.database, self.version, self.limits = database, version, limits
        self.definitions = ActivityDefinitions(database.mongo)

    def call(
        self,
        method: str,
        resource: str,
        parameters: Mapping[str, Any] | None = None,
        body: object = b"",
        *,
        client: Client = ALL,
        content_type: str = JSON,
        **headers: str,
    ) -> XapiAnswer:
        """The answer to a request. What is no text is sent as JSON; header names have _ for -."""
        asked = {name: text_of(each) for name, each in (parameters or {}).items()}
        sent = body if isinstance(body, bytes) else text_of(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = XapiRequest(
            method, self.version, client, asked, named, sent, content_type, resource
        )
        try:
            return self._resource(resource)(request)
        except DomainError as error:
            return XapiAnswer(_STATUSES[type(error)], str(error).encode(), "text/plain")

    def limited(self, limits: Limits) -> "DirectResources":
        """The same with other limits."""
        return DirectResources(self.database, self.version, limits)

    def _resource(self, path: str) -> Resource:
        documents = {
            STATE: Kind.STATE,
            AGENT_PROFILE: Kind.AGENT_PROFILE,
            ACTIVITY_PROFILE: Kind.ACTIVITY_PROFILE,
        }
        if path in documents:
            return DocumentResource(self.database, BASE, documents[path], self.limits)
        if path == AGENTS:
            return agents
        return ActivityResource(self.database, self.definitions, BASE)
