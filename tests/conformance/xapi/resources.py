"""The resources of documents, agents and activities as their callers see them."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from chassis.data.store import Database
from chassis.errors import AlreadyExists, DomainError, Invalid, NotFound, PermissionDenied
from services.progress.domain.xapi.activity_definitions import told_by
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.documents import LIMITS, Kind, Limits
from services.progress.domain.xapi.versions import Version
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.activities import ActivityResource
from services.progress.xapi.agents import agents
from services.progress.xapi.documents import DocumentResource
from services.progress.xapi.exchange import Resource, XapiAnswer, XapiRequest

BASE = "https://progress.uni.example/xapi"
JSON = "application/json"
STATE, AGENT_PROFILE, ACTIVITY_PROFILE = (
    "/activities/state",
    "/agents/profile",
    "/activities/profile",
)
AGENTS, ACTIVITIES = "/agents", "/activities"
ALL = Client("all", {"account": {"homePage": BASE, "name": "lrs:all"}}, {Scope.ALL})
REGISTRATION = "7c8a1b5e-0a52-4c5b-8a5e-4f1f3f1a9a10"
WRONG = '"1111111111111111111111111111111111111111"'
_STATUSES: Mapping[type[DomainError], int] = {
    Invalid: 400,
    PermissionDenied: 403,
    NotFound: 404,
    AlreadyExists: 409,
}


def covers(*numbers: str) -> pytest.MarkDecorator:
    """Mark a test, by its argument `number`, with the requirements of ADL's list that it checks."""
    return pytest.mark.parametrize("number", [" ".join(numbers)])


def person(name: str) -> dict[str, Any]:
    """The agent of a person of the roster."""
    return {"objectType": "Agent", "account": {"homePage": BASE, "name": name}}


def about(resource: str, **more: Any) -> dict[str, Any]:
    """The parameters of one document that no other test has, with changes; None takes one away."""
    new = str(uuid4())
    activity, agent = {"activityId": f"https://uni.example/{new}"}, {"agent": person(new)}
    known: Mapping[str, Mapping[str, Any]] = {
        STATE: {**activity, **agent, "stateId": "bookmark"},
        AGENT_PROFILE: {**agent, "profileId": "settings"},
        ACTIVITY_PROFILE: {**activity, "profileId": "settings"},
    }
    both = {**known[resource], **more}
    return {name: value for name, value in both.items() if value is not None}


def many(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters without the id of one document."""
    return {name: each for name, each in parameters.items() if name not in ("stateId", "profileId")}


class Lrs:
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
        asked = {name: _text(each) for name, each in (parameters or {}).items()}
        sent = body if isinstance(body, bytes) else _text(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = XapiRequest(
            method, self.version, client, asked, named, sent, content_type, resource
        )
        try:
            return self._resource(resource)(request)
        except DomainError as error:
            return XapiAnswer(_STATUSES[type(error)], str(error).encode(), "text/plain")

    def status(self, *call: Any, **more: Any) -> int:
        """The status of an answer."""
        return self.call(*call, **more).status

    def read(self, resource: str, parameters: Mapping[str, Any], **more: Any) -> Any:
        """The JSON that a GET is answered with."""
        answer = self.call("GET", resource, parameters, **more)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def etag(self, resource: str, parameters: Mapping[str, Any]) -> str:
        """The entity tag of a document."""
        return self.call("GET", resource, parameters).headers["etag"]

    def tell(self, *statements: Mapping[str, Any], client: Client = ALL) -> None:
        """Learn the definitions of activities in statements, as storing them does."""
        self.definitions.learn(told_by(client, BASE, statements))

    def limited(self, limits: Limits) -> "Lrs":
        """The same with other limits."""
        return Lrs(self.database, self.version, limits)

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


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
