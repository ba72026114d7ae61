"""The resources of documents, agents and activities as their callers see them."""

import http.client
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.versions import Version
from services.progress.xapi.exchange import XapiAnswer

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


def text_of(value: object) -> str:
    """A text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


class Caller(ABC):
    """Calls the resources in one version of xAPI."""

    version: Version

    @abstractmethod
    def call(self, *call: Any, **more: Any) -> XapiAnswer:
        """The answer to a request (see Resources.call)."""

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


class Resources(Caller):
    """Calls them by HTTP."""

    def __init__(self, port: int, authorization: str, version: Version) -> None:
        self.version = version
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._authorization = authorization

    def call(
        self,
        method: str,
        resource: str,
        parameters: Mapping[str, Any] | None = None,
        body: object = b"",
        *,
        content_type: str = JSON,
        **headers: str,
    ) -> XapiAnswer:
        """The answer to a request. What is no text is sent as JSON; header names have _ for -."""
        query = urlencode({name: text_of(each) for name, each in (parameters or {}).items()})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["X-Experience-API-Version"] = self.version.value
        named["Authorization"] = self._authorization
        if content_type:
            named["Content-Type"] = content_type
        sent = body if isinstance(body, bytes) else text_of(body).encode()
        self._connection.request(method, f"/xapi{resource}?{query}", sent or None, named)
        answer = self._connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return XapiAnswer(answer.status, answer.read(), told.get("content-type", ""), told)

    def tell(self, *statements: Mapping[str, Any]) -> None:
        """Store statements."""
        answer = self.call("POST", "/statements", {}, list(statements))
        assert answer.status == 200, answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
